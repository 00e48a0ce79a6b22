"""The engine `RE`, the devices by name, the plans, the records; all the work is done by `beamline.shell`.

A file of yours beside this one, such as `10-ours.py`, is run after it. docs/how-to/at-the-instrument.md shows how to work.
"""

from beamline.shell import begin

globals().update(begin(get_ipython()))  # noqa: F821  # IPython's
