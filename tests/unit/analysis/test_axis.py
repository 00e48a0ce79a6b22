import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.analysis import band, energy_eV, jacobian_nm_per_eV, per_eV, per_nm, wavelength_nm
from beamline.analysis.lamp_lines import LAMPS

wavelengths = st.floats(200.0, 2000.0)


@given(wavelengths)
def test_wavelength_and_energy_are_inverse_of_each_other(nm: float) -> None:
    assert wavelength_nm(energy_eV(nm)) == pytest.approx(nm, rel=1e-14)


@given(wavelengths)
def test_the_jacobian_is_the_derivative(nm: float) -> None:
    step = 1e-4
    slope = (wavelength_nm(energy_eV(nm) - step) - wavelength_nm(energy_eV(nm) + step)) / (2 * step)
    assert jacobian_nm_per_eV(nm) == pytest.approx(slope, rel=1e-6)


def test_going_over_keeps_the_light_and_moves_the_maximum_to_the_red() -> None:
    axis = np.linspace(500.0, 800.0, 6001)
    density = per_nm(band(energy_eV(axis), 7.0, 2.0, 0.1), axis)
    assert np.trapezoid(density, axis) == pytest.approx(7.0, rel=1e-6)
    assert per_eV(density, axis) == pytest.approx(band(energy_eV(axis), 7.0, 2.0, 0.1))
    # per nm = per eV x hc / lambda^2, which falls with the wavelength: the maximum moves to shorter wavelengths
    assert 0.5 < 619.92 - axis[np.argmax(density)] < 2.0


def test_a_wavelength_of_zero_is_refused_with_its_value() -> None:
    with pytest.raises(ValueError, match=r"wavelength_nm \(nm\) must be positive.*-3"):
        energy_eV([500.0, -3.0])


LEVELS_1_cm = {
    435.8335: (39412.237, 62350.325),
    546.0750: (44042.909, 62350.325),
    576.9610: (54068.6829, 71396.073),
    579.0670: (54068.6829, 71333.053),
    696.5431: (93143.7600, 107496.4166),
    706.7218: (93143.7600, 107289.7001),
    727.2936: (93750.5978, 107496.4166),
    738.3980: (93750.5978, 107289.7001),
    763.5106: (93143.7600, 106237.5518),
    794.8176: (94553.6652, 107131.7086),
    826.4522: (95399.8276, 107496.4166),
}
"""Lower and upper level, NIST Atomic Spectra Database (as of 2016 and 2022, github.com/pypeit/PypeIt,
pypeit/data/arc_lines/NIST/ArI_vacuum.ascii and HgI_vacuum.ascii)."""


def test_the_lines_of_the_lamp_are_those_of_its_levels() -> None:
    """In standard air by Peck and Reeder, J. Opt. Soc. Am. 62, 958 (1972)."""
    assert tuple(LEVELS_1_cm) == LAMPS["Hg-Ar"]
    for line_nm, levels in LEVELS_1_cm.items():
        vacuum_nm = 1e7 / (levels[1] - levels[0])
        per_um2 = (1e3 / vacuum_nm) ** 2
        index = 1.0 + 1e-8 * (8060.51 + 2480990.0 / (132.274 - per_um2) + 17455.7 / (39.32957 - per_um2))
        assert vacuum_nm / index == pytest.approx(line_nm, abs=3e-4)
