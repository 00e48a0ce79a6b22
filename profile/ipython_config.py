"""IPython at the instrument: `vitrail shell`, or `ipython --profile-dir=profile`."""

from beamline.shell import configure

configure(get_config())  # noqa: F821  # IPython's
