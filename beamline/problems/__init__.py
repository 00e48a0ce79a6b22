"""What is wrong with a configuration file, said so that it can be mended: key, value, bounds, unit, what to do."""

from beamline.problems.explain import InconsistentError, Problem, explain
from beamline.problems.fields import bounds_text, ordinal, shown, unit_of

__all__ = ["InconsistentError", "Problem", "bounds_text", "explain", "ordinal", "shown", "unit_of"]
