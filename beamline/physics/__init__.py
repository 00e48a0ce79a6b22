"""The physics prior: from process settings to observables, with the parameters' uncertainty.

    >>> from beamline.physics import make_settings, nominal, predict
    >>> line = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=0.4)
    >>> seen = predict(line, [[550.0, 7200.0]], nominal())
    >>> round(1239.841984 / float(seen["red_peak_eV"][0, 0]))
    647

`write`, `heat` and `observe` are the same in three steps, with the state of the glass between them; `rewrite`
writes over it. Importing compiles
nothing and does not load numba; the first call compiles, or loads what an earlier process compiled.
docs/explanation/physics.md has the equations, and what is fit and what is prediction.
"""

from beamline.physics.emission import decay, spectrum
from beamline.physics.model import heat, observe, predict, predict_spectra, rewrite, write
from beamline.physics.parameters import PARAMETERS, Parameter, nominal, parameter_dtype
from beamline.physics.prior import PRIOR, InstrumentNumber, Prior, draw, from_standard, to_standard
from beamline.physics.records import OBSERVABLE_UNITS, observable_dtype, state_dtype
from beamline.physics.sensitivity import sensitivities
from beamline.physics.setting_table import (
    SETTING_RANGES,
    SettingError,
    check_settings,
    make_settings,
    setting_dtype,
    settings,
)
from beamline.physics.steps import check_steps, steps_array

__all__ = [
    "OBSERVABLE_UNITS",
    "PARAMETERS",
    "PRIOR",
    "SETTING_RANGES",
    "InstrumentNumber",
    "Parameter",
    "Prior",
    "SettingError",
    "check_settings",
    "check_steps",
    "decay",
    "draw",
    "from_standard",
    "heat",
    "make_settings",
    "nominal",
    "observable_dtype",
    "observe",
    "parameter_dtype",
    "predict",
    "predict_spectra",
    "rewrite",
    "sensitivities",
    "setting_dtype",
    "settings",
    "spectrum",
    "state_dtype",
    "steps_array",
    "to_standard",
    "write",
]
