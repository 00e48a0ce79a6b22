"""Ask and tell: spaces, constraints, failures, determinism, batches, pools, and that it finds something."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from skopt.space import Categorical, Integer, Real, Space

from beamline.optimize.general import GeneralOptimizer

MIXED = [(0.0, 1.0), (1, 5), (1e-3, 1.0, "log-uniform"), ["a", "b", "c"]]


def bowl(point: list[Any]) -> float:
    x, n, rate, kind = point
    return float((x - 0.3) ** 2 + 0.1 * (n - 4) ** 2 + (math.log10(rate) + 1) ** 2 + (kind != "b"))


def run(optimizer: GeneralOptimizer, function: Callable[[list[Any]], float], n: int) -> list[float]:
    values = []
    for _ in range(n):
        point = optimizer.ask()[0]
        values.append(function(point))
        optimizer.tell([point], values[-1:])
    return values


def test_it_beats_random_points_on_a_mixed_space() -> None:
    found, drawn = [], []
    for seed in range(3):
        found.append(min(run(GeneralOptimizer(MIXED, maximise=False, seed=seed), bowl, 22)))
        points = Space(MIXED).rvs(22, random_state=seed)
        drawn.append(min(bowl(point) for point in points))
    assert np.median(found) < 0.3 * np.median(drawn)
    assert max(found) < 0.15


def test_maximising_is_minimising_the_negative() -> None:
    down = GeneralOptimizer([(0.0, 1.0)] * 2, maximise=False, seed=4)
    up = GeneralOptimizer([(0.0, 1.0)] * 2, maximise=True, seed=4)
    points = [[0.1, 0.2], [0.7, 0.9], [0.4, 0.4], [0.9, 0.1], [0.5, 0.8], [0.3, 0.6]]
    values = [sum((a - 0.5) ** 2 for a in point) for point in points]
    down.tell(points, values)
    up.tell(points, [-value for value in values])
    assert down.ask() == up.ask()
    best, mirrored = down.best(), up.best()
    assert best is not None
    assert mirrored is not None
    assert (best.point, best.mean, best.sd) == (mirrored.point, -mirrored.mean, mirrored.sd)


def test_points_are_plain_values_inside_the_space() -> None:
    space = Space(
        [Real(-2.0, 3.0, name="x"), Integer(1, 4), Real(1e-4, 1e2, prior="log-uniform"), Categorical(["a", 7, True])]
    )
    optimizer = GeneralOptimizer(space, maximise=True, seed=1)
    run(optimizer, lambda p: -((p[0] - 1) ** 2) + p[1] - abs(math.log10(p[2])), 9)
    for point in optimizer.ask(5):
        assert point in space
        assert [type(point[0]), type(point[1]), type(point[2])] == [float, int, float]
        assert point[3] in ["a", 7, True]
    assert space.dimensions[1].transform_ != "normalize"  # the caller's space is not touched


def test_the_constraint_holds_at_every_point() -> None:
    def allowed(point: list[Any]) -> bool:
        return bool(point[0] + point[1] < 0.7)

    optimizer = GeneralOptimizer([(0.0, 1.0)] * 2, maximise=True, seed=2, constraint=allowed)
    seen = []
    for _ in range(10):
        (point,) = optimizer.ask()
        seen.append(point)
        optimizer.tell([point], [point[0] + 2 * point[1]])  # the best is outside: it is pushed against the wall
    assert all(allowed(point) for point in [*seen, *optimizer.ask(4)])
    best = optimizer.best()
    assert best is not None
    assert best.mean > 1.2  # of 1.4 on the wall


def test_an_empty_feasible_set_is_said() -> None:
    optimizer = GeneralOptimizer([(0.0, 1.0)], maximise=True, seed=1, constraint=lambda point: point[0] > 2)
    with pytest.raises(ValueError, match="allows none of"):
        optimizer.ask()
    optimizer.tell([[0.2], [0.3]], [1.0, 2.0])
    with pytest.raises(ValueError, match="0 of the 1 points given are allowed"):
        optimizer.choose([[0.5]])


def test_the_same_data_in_any_order_give_the_same_point() -> None:
    rng = np.random.default_rng(0)
    points = rng.random((12, 3)).tolist()
    values = [math.sin(5 * p[0]) + p[1] * p[2] for p in points]
    values[5] = math.nan
    asked = []
    for order in (range(12), range(11, -1, -1)):
        optimizer = GeneralOptimizer([(0.0, 1.0)] * 3, maximise=True, seed=9)
        for i in order:
            optimizer.tell([points[i]], [values[i]])
        asked.append(
            (optimizer.ask(2), optimizer.ask(2), optimizer.choose(rng.random((1, 3)).tolist()), optimizer.best())
        )
        assert asked[-1][0] == asked[-1][1]  # asking changes nothing
    assert asked[0] == asked[1]
    other = GeneralOptimizer([(0.0, 1.0)] * 3, maximise=True, seed=10)
    assert other.ask(4) != GeneralOptimizer([(0.0, 1.0)] * 3, maximise=True, seed=9).ask(4)


def test_a_region_that_fails_is_left_alone() -> None:
    def outcome(point: list[Any]) -> float:
        return math.nan if point[0] > 0.5 else float(point[0])

    optimizer = GeneralOptimizer([(0.0, 1.0)] * 2, maximise=True, seed=3)
    values = run(optimizer, outcome, 20)
    assert sum(math.isnan(value) for value in values[10:]) <= 4
    assert np.nanmax(values) > 0.42


def test_when_all_fail_it_looks_elsewhere() -> None:
    optimizer = GeneralOptimizer([(0.0, 1.0)] * 2, maximise=True, seed=3)
    values = run(optimizer, lambda _: math.nan, 9)
    assert len(values) == 9
    assert optimizer.best() is None
    (point,) = optimizer.ask()
    tried = optimizer.box.decode(optimizer._rows)
    assert min(math.dist(point, other) for other in tried) > 0.15
    with pytest.raises(ValueError, match="before a value was told"):
        optimizer.predict([[0.5, 0.5]])


def test_a_batch_differs() -> None:
    optimizer = GeneralOptimizer([(0.0, 1.0)] * 2, maximise=True, seed=3)
    run(optimizer, lambda p: -((p[0] - 0.5) ** 2), 8)
    batch = optimizer.ask(4)
    assert len({tuple(point) for point in batch}) == 4
    assert len(GeneralOptimizer([(0.0, 1.0)], maximise=True, seed=1).ask(20)) == 20


def test_it_chooses_among_given_points_each_once_and_the_promising_first() -> None:
    pool = [[round(0.05 * i, 2)] for i in range(21)]
    optimizer = GeneralOptimizer([(0.0, 1.0)], maximise=True, seed=3)
    first = optimizer.choose(pool, 3)
    assert len(set(first)) == 3
    for _ in range(7):
        index = optimizer.choose(pool)[0]
        optimizer.tell([pool[index]], [-abs(pool[index][0] - 0.65)])
    assert pool[optimizer.choose(pool)[0]][0] == pytest.approx(0.65, abs=0.101)
    assert sorted(optimizer.choose(pool, 21)) == list(range(21))
    twice = optimizer.choose([pool[3], pool[3]], 2)
    assert sorted(twice) == [0, 1]
    with pytest.raises(ValueError, match="22 asked for, and 21 of the 21"):
        optimizer.choose(pool, 22)


def test_the_best_is_not_the_luckiest_reading() -> None:
    optimizer = GeneralOptimizer([(0.0, 1.0)], maximise=True, seed=1)
    at = np.linspace(0, 1, 21)
    noise = np.random.default_rng(1).standard_normal(21) * 0.2
    lucky = 3
    noise[lucky] = 0.9
    optimizer.tell([[x] for x in at], list(1 - 4 * (at - 0.7) ** 2 + noise))
    best = optimizer.best()
    assert best is not None
    assert best.point[0] == pytest.approx(0.7, abs=0.16)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.floats(-1, 2), st.integers(0, 6), st.floats(allow_nan=True, allow_infinity=True)),
        min_size=1,
        max_size=5,
    )
)
def test_a_bad_telling_is_refused_whole_and_a_good_one_leads_on(told: list[tuple[float, int, float]]) -> None:
    optimizer = GeneralOptimizer([(0.0, 1.0), (1, 5)], maximise=True, seed=0, n_initial=1)
    good = all(0 <= x <= 1 and 1 <= n <= 5 and not math.isinf(y) for x, n, y in told)
    points, values = [[x, n] for x, n, _ in told], [y for *_, y in told]
    if not good:
        with pytest.raises(ValueError, match=r"outside|infinite"):
            optimizer.tell(points, values)
        assert optimizer.n_told == 0
        return
    if any(abs(y) > 1e100 for y in values if not math.isnan(y)):
        return
    optimizer.tell(points, values)
    (point,) = optimizer.ask()
    assert 0 <= point[0] <= 1
    assert 1 <= point[1] <= 5


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": -1}, "at least 0"),
        ({"n_initial": 0}, "at least one point"),
        ({"width": -1.0}, "width"),
        ({"width": math.nan}, "width"),
        ({"acquisition": "magic"}, "it is"),
        ({"dimensions": []}, "at least one dimension"),
        ({"dimensions": [(1.0, 0.0)]}, "lower bound"),
    ],
)
def test_contradictions_are_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        GeneralOptimizer(**({"dimensions": [(0.0, 1.0)], "maximise": True, "seed": 1} | changed))


@pytest.mark.parametrize(
    ("points", "values", "said"),
    [
        ([[0.1]], [1.0, 2.0], "1 points and 2 values"),
        ([[0.1, 0.2]], [1.0], "2 coordinates"),
        ([[1.1]], [1.0], "outside"),
        ([[math.nan]], [1.0], "outside"),
        ([[0.1]], [math.inf], "infinite"),
    ],
)
def test_a_wrong_telling_names_what_is_wrong(points: list[list[float]], values: list[float], said: str) -> None:
    optimizer = GeneralOptimizer([(0.0, 1.0)], maximise=True, seed=1)
    with pytest.raises(ValueError, match=said):
        optimizer.tell(points, values)
    with pytest.raises(ValueError, match="at least one point"):
        optimizer.ask(0)
