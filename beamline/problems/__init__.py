"""What is wrong with a configuration file, said so that it can be mended: key, value, bounds, unit, what to do."""

from beamline.problems.explain import InconsistentError, Problem, explain
from beamline.problems.fields import bounds_text, ordinal, shown, unit_of
from beamline.problems.files import BadFileError, load_toml, parse_toml

__all__ = [
    "BadFileError",
    "InconsistentError",
    "Problem",
    "bounds_text",
    "explain",
    "load_toml",
    "ordinal",
    "parse_toml",
    "shown",
    "unit_of",
]
