"""The parameter table, and the prior over it."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.physics import PARAMETERS, draw, from_standard, nominal, parameter_dtype, to_standard
from beamline.physics.prior import CORRELATIONS

N = len(PARAMETERS)


def test_every_parameter_says_what_it_is_and_where_it_comes_from() -> None:
    assert len({parameter.name for parameter in PARAMETERS}) == N
    assert len({parameter.symbol for parameter in PARAMETERS}) == N
    for parameter in PARAMETERS:
        assert parameter.source, parameter.name
        assert parameter.unit, parameter.name
        assert parameter.spread > 0, parameter.name
        assert parameter.prior in {"lognormal", "normal"}, parameter.name
        assert parameter.status in {"fitted", "tuned", "literature", "unverified", "assumed"}, parameter.name
        assert parameter.prior == "normal" or parameter.nominal > 0, parameter.name


def test_fitted_parameters_name_the_fact_that_they_are_fitted_to() -> None:
    from beamline.physics.paper import FACTS

    named = {word.strip(",:;()") for p in PARAMETERS if p.status == "fitted" for word in p.source.split()}
    assert {word for word in named if word[0] == "P" and word[1:].isdigit()} <= set(FACTS)


def test_nominal_is_the_centre_of_the_prior() -> None:
    assert nominal().dtype == parameter_dtype
    centre = from_standard(np.zeros((1, N)))
    for parameter in PARAMETERS:
        assert centre[parameter.name][0] == pytest.approx(parameter.nominal, rel=1e-15)


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 2.0))
def test_standard_coordinates_round_trip(seed: int, scale: float) -> None:
    z = np.random.default_rng(seed).standard_normal((3, N))
    assert to_standard(from_standard(z, scale), scale) == pytest.approx(z, abs=1e-9)


def test_draws_are_the_same_for_the_same_seed() -> None:
    one, same, other = (draw(np.random.default_rng(seed), 5, 0.45) for seed in (1, 1, 2))
    assert (one == same).all()
    assert not (one == other).any()


def test_draws_have_the_spreads_and_correlations_of_the_table() -> None:
    draws = draw(np.random.default_rng(0), 20_000)
    scores = {
        p.name: (np.log(draws[p.name] / p.nominal) if p.prior == "lognormal" else draws[p.name] - p.nominal) / p.spread
        for p in PARAMETERS
    }
    for name, values in scores.items():
        assert abs(values.mean()) < 0.04, name
        assert values.std() == pytest.approx(1.0, abs=0.03), name
    for (one, other), value in CORRELATIONS.items():
        assert np.corrcoef(scores[one], scores[other])[0, 1] == pytest.approx(value, abs=0.03)
    assert abs(np.corrcoef(scores["gap_Br_eV"], scores["nose_K"])[0, 1]) < 0.03


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda: from_standard(np.zeros((2, N - 1))), "one column per parameter"),
        (lambda: from_standard(np.full((1, N), np.nan)), "NaN"),
        (lambda: from_standard(np.zeros((1, N)), 0.0), "scale=0.0"),
        (lambda: draw(np.random.default_rng(0), 0), "n=0"),
        (lambda: to_standard(np.zeros(1, parameter_dtype)), "must be above 0"),
        (lambda: to_standard(np.zeros(3)), "parameter_dtype"),
    ],
)
def test_what_is_no_parameter_is_refused_by_name(bad: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        bad()
