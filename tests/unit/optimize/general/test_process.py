"""The process: gradients against differences, interpolation, and what is refused."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from scipy.stats import norm

from beamline.optimize.general.improvement import log_improvement, log_improvement_slope
from beamline.optimize.general.process import KernelName, _negative_log_density, correlation, correlation_slope, fit
from beamline.optimize.general.search import Acquisition, Score

Floats = npt.NDArray[np.float64]
KERNELS: tuple[KernelName, ...] = ("matern52", "rbf")


def data(n: int = 12, d: int = 3, seed: int = 0) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    x = rng.random((n, d))
    return x, 100.0 + 5.0 * np.sin(3 * x[:, 0]) + 2.0 * x[:, 1] ** 2 + 0.01 * rng.standard_normal(n)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_density_s_gradient_is_that_of_its_differences(kernel: KernelName) -> None:
    x, y = data()
    scaled = (y - y.mean()) / y.std(ddof=1)
    squares = (x[:, None, :] - x[None]) ** 2
    theta = np.log([0.4, 0.9, 2.0, 0.01])
    numeric = approx_fprime(theta, lambda t: _negative_log_density(t, x, scaled, squares, kernel)[0], 1e-6)
    assert _negative_log_density(theta, x, scaled, squares, kernel)[1] == pytest.approx(numeric, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_correlation_s_gradient_is_that_of_its_differences(kernel: KernelName) -> None:
    x, _ = data()
    scales, at = np.array([0.4, 0.9, 2.0]), np.array([0.3, 0.5, 0.9])
    k, slope = correlation_slope(at, x, scales, kernel)
    assert k == pytest.approx(correlation(at[None], x, scales, kernel)[0])
    for i in range(3):
        step = 1e-6 * np.eye(3)[i]
        up, down = (correlation((at + s)[None], x, scales, kernel)[0] for s in (step, -step))
        assert slope[:, i] == pytest.approx((up - down) / 2e-6, abs=1e-6)


@pytest.mark.parametrize("acquisition", ["improvement", "bound"])
@pytest.mark.parametrize("with_failures", [False, True])
def test_the_score_s_gradient_is_that_of_its_differences(acquisition: Acquisition, *, with_failures: bool) -> None:
    x, y = data()
    rng = np.random.default_rng(0)
    process = fit(x, y, rng=rng)
    success = fit(x, (x[:, 0] < 0.6).astype(float), rng=rng) if with_failures else None
    score = Score(process, acquisition, 1.0, float(process.predict(x)[0].max()), success)
    for row in rng.random((4, 3)):
        value, slope = score.slope(row)
        assert value == pytest.approx(float(score(row[None])[0]), rel=1e-6)
        for i in range(3):
            step = 1e-5 * np.eye(3)[i]
            numeric = (score((row + step)[None])[0] - score((row - step)[None])[0]) / 2e-5
            assert slope[i] == pytest.approx(numeric, rel=1e-3, abs=1e-3)


def test_the_logarithm_of_the_improvement_is_right_where_the_improvement_can_be_computed() -> None:
    u = np.linspace(-6, 6, 101)
    assert log_improvement(u) == pytest.approx(np.log(norm.pdf(u) + u * norm.cdf(u)), rel=1e-5, abs=1e-6)


@given(st.floats(-1e6, 1e3))
def test_the_logarithm_of_the_improvement_is_finite_and_grows_everywhere(u: float) -> None:
    value, slope = log_improvement_slope(u)
    assert np.isfinite(value)
    assert slope > 0.0
    assert log_improvement(np.array(u + 0.1 + 1e-9 * abs(u))) > value


def test_it_interpolates_data_without_noise_and_is_unsure_elsewhere() -> None:
    x, y = data(30)
    process = fit(x, y, rng=np.random.default_rng(0))
    mean, sd = process.predict(x)
    assert mean == pytest.approx(y, abs=0.2)
    far = process.predict(np.array([[0.5, 0.5, 0.5], [1.0, 0.0, 1.0]]))[1]
    assert far.max() > 2 * np.median(sd)
    assert np.diag(process.covariance(x[:4])) == pytest.approx(sd[:4] ** 2, rel=1e-3, abs=1e-6)


def test_being_told_what_it_expects_lowers_only_the_uncertainty() -> None:
    x, y = data()
    process = fit(x, y, rng=np.random.default_rng(0))
    at = np.array([[0.9, 0.1, 0.2]])
    told = process.believing(at)
    others = np.random.default_rng(1).random((20, 3))
    assert told.predict(others)[0] == pytest.approx(process.predict(others)[0], rel=1e-6)
    assert told.predict(at)[1][0] < 0.5 * process.predict(at)[1][0]
    assert (told.predict(others)[1] <= process.predict(others)[1] + 1e-9).all()


def test_the_unit_of_the_values_changes_nothing() -> None:
    x, y = data()
    one, other = (fit(x, scale * y, rng=np.random.default_rng(0)) for scale in (1.0, 1e6))
    assert other.scales == pytest.approx(one.scales, rel=1e-4)
    assert other.predict(x)[0] == pytest.approx(1e6 * one.predict(x)[0], rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([-1e9, 0.0, 1.0, 1e9])), min_size=1, max_size=6
    )
)
def test_repeats_and_constants_are_no_trouble(told: list[tuple[float, float]]) -> None:
    x, y = np.array([[a] for a, _ in told]), np.array([b for _, b in told])
    mean, sd = fit(x, y, rng=np.random.default_rng(0)).predict(np.array([[0.0], [0.7]]))
    assert np.isfinite(mean).all()
    assert (sd > 0).all()


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (np.zeros((0, 2)), np.zeros(0), "n > 0"),
        (np.zeros((3, 2)), np.zeros(2), "shape"),
        (np.zeros((2, 2)), np.array([1.0, np.nan]), "finite"),
        (np.array([[np.inf, 0.0]]), np.array([1.0]), "finite"),
    ],
)
def test_what_cannot_be_fitted_is_refused(x: Floats, y: Floats, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fit(x, y, rng=np.random.default_rng(0))
