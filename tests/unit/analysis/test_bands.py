import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.analysis.bands import LARGEST_TAIL, MAX_LOG_ASYMMETRY, NO_TAIL, band, band_with_gradient

asymmetries = st.floats(-MAX_LOG_ASYMMETRY, MAX_LOG_ASYMMETRY)
widths = st.floats(0.03, 0.35)
tails = st.floats(NO_TAIL, LARGEST_TAIL)
peaks = st.floats(1.7, 2.6)
ENERGY = np.linspace(0.05, 4.0, 39501)


@given(peaks, widths, asymmetries, tails)
def test_area_maximum_width_and_asymmetry_are_what_they_are_called(
    peak: float, fwhm: float, log_a: float, tail: float
) -> None:
    density = band(ENERGY, 3.0, peak, fwhm, log_asymmetry=log_a, tail=tail)
    assert np.trapezoid(density, ENERGY) == pytest.approx(3.0, rel=2e-3)
    assert ENERGY[np.argmax(density)] == pytest.approx(peak, abs=2e-4)
    above = ENERGY[density >= density.max() / 2]
    assert above[-1] - above[0] == pytest.approx(fwhm, abs=4e-4)
    assert (peak - above[0]) == pytest.approx(np.exp(log_a) * (above[-1] - peak), abs=6e-4)


@given(peaks, widths, asymmetries, tails)
def test_derivatives_are_those_of_the_band(peak: float, fwhm: float, log_a: float, tail: float) -> None:
    energy = np.linspace(1.5, 2.8, 80) + 1e-5
    at = np.array([2.0, peak, fwhm, log_a, tail])
    density, gradient = band_with_gradient(energy, at)
    assert density == pytest.approx(band(energy, 2.0, peak, fwhm, log_asymmetry=log_a, tail=tail))
    for i, step in enumerate((1e-4, 1e-7, 1e-7, 1e-6, 1e-6)):
        up, down = at.copy(), at.copy()
        up[i] += step
        down[i] -= step
        slope = (band_with_gradient(energy, up)[0] - band_with_gradient(energy, down)[0]) / (2 * step)
        assert gradient[i] == pytest.approx(slope, abs=2e-4 * np.abs(slope).max() + 1e-6)


def test_it_is_the_band_of_the_physics_model() -> None:
    from beamline.analysis import per_nm
    from beamline.physics.emission import spectrum

    names = [f"{p}_{n}" for p in ("green", "red") for n in ("peak_eV", "fwhm_eV", "intensity", "asymmetry")]
    observables = np.zeros(1, dtype=[(name, "f8") for name in names])
    observables[names[:4]] = (2.41, 0.08, 0.0, 1.15)
    observables[names[4:]] = (2.0, 0.09, 5.0, 1.15)
    axis = np.linspace(550.0, 700.0, 301)
    ours = per_nm(band(1239.841984 / axis, 5.0, 2.0, 0.09, log_asymmetry=np.log(1.15)), axis)
    assert ours == pytest.approx(spectrum(observables, axis)[0], abs=1e-5 * ours.max())
