"""What every test lives by: figures without a window, no EPICS, and the same Hypothesis examples in every run.

`HYPOTHESIS_PROFILE=nightly` searches further, and elsewhere each time.
"""

import os

from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OPHYD_CONTROL_LAYER", "dummy")

settings.register_profile("default", deadline=None, derandomize=True, max_examples=50, print_blob=True)
settings.register_profile("nightly", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
