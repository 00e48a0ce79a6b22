import numpy as np
import pytest

from beamline.analysis import Detector


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("saturation_counts", 0.0, "above 0"),
        ("gain_counts_per_electron", -1.0, "above 0"),
        ("read_noise_counts", float("nan"), "above 0"),
        ("nonuniformity", -0.1, "at least 0"),
    ],
)
def test_a_detector_that_cannot_be_is_refused(name: str, value: float, allowed: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}.*{allowed}"):
        Detector(**{name: value})


def test_the_stated_variance_is_the_scatter_of_exposures() -> None:
    detector = Detector(read_noise_counts=8.0, gain_counts_per_electron=0.5, nonuniformity=0.0)
    rng = np.random.default_rng(3)
    light, dark, n = 400.0, 100.0, 5

    def mean(counts: float) -> np.ndarray:
        exposures = 0.5 * rng.poisson(counts / 0.5, (n, 20000)) + rng.normal(0, 8.0, (n, 20000))
        return np.round(exposures).mean(axis=0)

    stated = detector.dark_variance(np.array([dark]), n) + detector.light_variance(np.array([light]), n)
    # the variance of 20000 numbers is known to 1 %
    assert np.var(mean(light + dark) - mean(dark)) == pytest.approx(stated[0], rel=0.05)


def test_the_pattern_of_the_pixels_is_not_averaged_away() -> None:
    detector = Detector(nonuniformity=0.01)
    assert detector.light_variance(np.array([1e4]), 10**6)[0] == pytest.approx(100.0**2, rel=0.01)


def test_a_mean_below_full_is_full_where_single_exposures_were_cut_off() -> None:
    detector = Detector(saturation_counts=65535.0, gain_counts_per_electron=0.3)
    assert detector.is_full(np.array([65535.0, 65300.0, 60000.0])).tolist() == [True, True, False]
