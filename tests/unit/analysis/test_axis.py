import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.analysis import band, energy_eV, jacobian_nm_per_eV, per_eV, per_nm, wavelength_nm

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
