from typing import Any

import numpy as np
import pytest

from beamline.analysis import Detector, analyse_spectrum
from beamline.recipe import Failed, Luminescence, NoLuminescence, Saturated


def test_two_phases_give_two_bands(spectrograph: Any, settings: Any, true_band: Any) -> None:
    light, dark = spectrograph(true_band(514.0, 1e5, 0.08), true_band(630.0, 2e5, 0.095))
    outcome = analyse_spectrum(spectrograph.wavelength_nm, light, dark, **settings)
    assert isinstance(outcome, Luminescence)
    green, red = outcome.bands
    assert (green.phase, red.phase) == ("green", "red")
    assert green.peak_nm == pytest.approx(514.0, abs=0.3)
    assert red.peak_nm == pytest.approx(630.0, abs=0.4)
    assert green.fwhm_eV == pytest.approx(0.08, rel=0.03)
    assert green.rate_counts_s == pytest.approx(1e5, rel=0.02)
    assert red.rate_counts_s == pytest.approx(2e5, rel=0.02)
    assert outcome.reduced_chi2 == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize(("peak_nm", "phase"), [(514.0, "green"), (525.0, "green"), (545.0, "red"), (690.0, "red")])
def test_one_phase_gives_one_band_of_its_phase(
    spectrograph: Any, settings: Any, true_band: Any, peak_nm: float, phase: str
) -> None:
    light, dark = spectrograph(true_band(peak_nm, 5e4))
    outcome = analyse_spectrum(spectrograph.wavelength_nm, light, dark, **settings)
    assert isinstance(outcome, Luminescence)
    assert [b.phase for b in outcome.bands] == [phase]
    assert outcome.bands[0].peak_nm == pytest.approx(peak_nm, abs=1.0)
    assert outcome.rate_limit_counts_s < 0.1 * outcome.bands[0].rate_counts_s


def test_bands_that_overlap_are_told_apart(spectrograph: Any, settings: Any, true_band: Any) -> None:
    light, dark = spectrograph(true_band(518.0, 3e5, 0.08), true_band(550.0, 2e5, 0.095))
    outcome = analyse_spectrum(spectrograph.wavelength_nm, light, dark, **settings)
    assert isinstance(outcome, Luminescence)
    green, red = outcome.bands
    assert green.peak_nm == pytest.approx(518.0, abs=0.5)
    assert red.peak_nm == pytest.approx(550.0, abs=1.0)
    # how the light between them is shared is known less well than from the noise alone: two answers fit
    assert green.rate_counts_s == pytest.approx(3e5, abs=2.5 * green.rate_sd_counts_s)
    assert red.rate_counts_s == pytest.approx(2e5, abs=2.5 * red.rate_sd_counts_s)
    assert red.rate_sd_counts_s < 0.1 * red.rate_counts_s


def test_a_weak_band_under_a_strong_one_is_seen_or_below_its_limit(
    spectrograph: Any, settings: Any, true_band: Any
) -> None:
    strong = true_band(516.0, 1e6, 0.08)
    seen = 0
    for _ in range(20):
        light, dark = spectrograph(strong, true_band(600.0, 1.6e3))
        outcome = analyse_spectrum(spectrograph.wavelength_nm, light, dark, **settings)
        red = outcome.band("red")
        if red is None:
            assert outcome.rate_limit_counts_s > 1.6e3
        else:
            seen += 1
            assert red.peak_nm == pytest.approx(600.0, abs=12.0)
    assert 3 < seen < 20


def test_dark_glass_is_no_luminescence_with_a_limit(spectrograph: Any, settings: Any, true_band: Any) -> None:
    light, dark = spectrograph()
    outcome = analyse_spectrum(spectrograph.wavelength_nm, light, dark, **settings)
    assert isinstance(outcome, NoLuminescence)
    # a band of twice the limit is seen
    light, dark = spectrograph(true_band(600.0, 2 * outcome.rate_limit_counts_s))
    assert isinstance(analyse_spectrum(spectrograph.wavelength_nm, light, dark, **settings), Luminescence)


def test_a_darker_spectrum_than_the_dark_is_no_luminescence(spectrograph: Any, settings: Any) -> None:
    light, dark = spectrograph()
    outcome = analyse_spectrum(spectrograph.wavelength_nm, light - 40.0, dark, **settings)
    assert isinstance(outcome, NoLuminescence)


def test_a_constant_background_is_not_light_of_a_band(spectrograph: Any, settings: Any, true_band: Any) -> None:
    light, dark = spectrograph(true_band(620.0, 5e4))
    outcome = analyse_spectrum(spectrograph.wavelength_nm, light + 500.0, dark, **settings)
    assert isinstance(outcome, Luminescence)
    assert outcome.bands[0].rate_counts_s == pytest.approx(5e4, rel=0.05)


def test_full_pixels_are_saturated_with_a_floor_below_the_truth(
    spectrograph: Any, settings: Any, true_band: Any
) -> None:
    light, dark = spectrograph(true_band(630.0, 4e7))
    outcome = analyse_spectrum(spectrograph.wavelength_nm, light, dark, **settings)
    assert isinstance(outcome, Saturated)
    assert outcome.n_saturated_pixels == pytest.approx(np.count_nonzero(light == 65535.0), abs=6)
    assert 1e7 < outcome.rate_floor_counts_s < 4e7


def test_a_hot_pixel_and_the_lamp_do_not_saturate(spectrograph: Any, settings: Any, true_band: Any) -> None:
    light, dark = spectrograph(true_band(630.0, 1e5))
    axis = spectrograph.wavelength_nm
    hot = int(np.searchsorted(axis, 640.0))
    light[hot] = dark[hot] = 65535.0
    light[axis < 380.0] = 65535.0
    outcome = analyse_spectrum(axis, light, dark, **settings)
    assert isinstance(outcome, Luminescence)
    assert outcome.bands[0].peak_nm == pytest.approx(630.0, abs=0.5)


def test_cosmic_rays_make_no_band(spectrograph: Any, settings: Any) -> None:
    light, dark = spectrograph()
    light[[700, 701, 900]] += [900.0, 2500.0, 60000.0 * 0.5]
    assert isinstance(analyse_spectrum(spectrograph.wavelength_nm, light, dark, **settings), NoLuminescence)


def test_counts_that_are_not_numbers_are_a_failure_with_its_reason(
    spectrograph: Any, settings: Any, true_band: Any
) -> None:
    light, dark = spectrograph(true_band(630.0, 1e5))
    light[1000] = np.nan
    outcome = analyse_spectrum(spectrograph.wavelength_nm, light, dark, **settings)
    assert isinstance(outcome, Failed)
    assert "1 of 2048 pixels are not numbers (first at 667" in outcome.reason


def test_mistakes_of_the_caller_are_refused(spectrograph: Any, settings: Any) -> None:
    axis = spectrograph.wavelength_nm
    light, dark = spectrograph()
    with pytest.raises(ValueError, match=r"of one shape \(pixels,\); got \(2048,\), \(2048,\) and \(2047,\)"):
        analyse_spectrum(axis, light, dark[1:], **settings)
    with pytest.raises(ValueError, match="rise from pixel to pixel"):
        analyse_spectrum(axis[::-1], light, dark, **settings)
    with pytest.raises(ValueError, match=r"covers 900-1000 nm with 0 pixels in 450-800 nm"):
        analyse_spectrum(np.linspace(900, 1000, 2048), light, dark, **settings)
    with pytest.raises(ValueError, match="integration_s=0"):
        analyse_spectrum(axis, light, dark, integration_s=0.0, n_averages=1)
    with pytest.raises(ValueError, match="n_averages=0"):
        analyse_spectrum(axis, light, dark, integration_s=1.0, n_averages=0)


def test_a_coarse_axis_is_analysed_too(spectrograph: Any, settings: Any, true_band: Any) -> None:
    spectrograph.wavelength_nm = np.linspace(430.0, 850.0, 256)
    light, dark = spectrograph(true_band(514.0, 2e5, 0.08), true_band(640.0, 2e5))
    outcome = analyse_spectrum(spectrograph.wavelength_nm, light, dark, **settings)
    assert [b.peak_nm for b in outcome.bands] == pytest.approx([514.0, 640.0], abs=0.5)


def test_a_noisier_detector_than_stated_is_noticed(spectrograph: Any, settings: Any, true_band: Any) -> None:
    truth = true_band(630.0, 1e4)
    spectrograph.detector = Detector(read_noise_counts=40.0)
    light, dark = spectrograph(truth)
    told = analyse_spectrum(
        spectrograph.wavelength_nm, light, dark, **settings, detector=Detector(read_noise_counts=40)
    )
    untold = analyse_spectrum(spectrograph.wavelength_nm, light, dark, **settings, detector=Detector())
    assert untold.bands[0].rate_sd_counts_s == pytest.approx(told.bands[0].rate_sd_counts_s, rel=0.1)


def test_a_coarser_pattern_of_the_pixels_than_stated_is_noticed(
    spectrograph: Any, settings: Any, true_band: Any
) -> None:
    spectrograph.detector = Detector(nonuniformity=0.02)
    light, dark = spectrograph(true_band(515.0, 5e6, 0.08), true_band(630.0, 3e6))
    outcome = analyse_spectrum(spectrograph.wavelength_nm, light, dark, **settings, detector=Detector())
    assert outcome.reduced_chi2 == pytest.approx(1.0, abs=0.4)
