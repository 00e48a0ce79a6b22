"""Observations as arrays: order, duplicates, heat histories."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.optimize import SearchSpace
from beamline.optimize.evidence import coarse_history, gather, group_by_coupon
from beamline.optimize.observables import Known
from beamline.optimize.standing import programme_of
from beamline.recipe import Failed, HeatStep, HeatTreatment, NoLuminescence, Saturated


def arrhenius(steps: tuple[HeatStep, ...]) -> float:
    return sum(step.duration_s * np.exp(-1.3 / 8.617e-5 / (step.temperature_C + 273.15)) for step in steps)


def test_order_within_a_coupon_does_not_matter_and_that_of_coupons_stays(kit: ModuleType) -> None:
    seen = [kit.observation(kit.luminescence(), coupon=c, site=s) for c in ("C2", "C1") for s in ("S2", "S10", "S1")]
    groups = group_by_coupon(seen)
    assert groups == group_by_coupon([*seen[2::-1], *seen[:2:-1]])
    assert [group[0].site.coupon for group in groups] == ["C2", "C1"]


def test_what_arrives_twice_counts_once_but_two_measurements_count_twice(kit: ModuleType) -> None:
    one, other = kit.observation(kit.luminescence(630.0)), kit.observation(kit.luminescence(631.0))
    (group,) = group_by_coupon([one, other, one])
    assert len(group) == 2
    evidence = gather([group])
    assert evidence.place.tolist() == [0, 0]


def test_rows_are_the_data_and_failures_are_left_out(kit: ModuleType) -> None:
    outcomes = [
        kit.luminescence(),
        Failed(reason="no coupon"),
        NoLuminescence(rate_limit_counts_s=9.0),
        Saturated(n_saturated_pixels=1, rate_floor_counts_s=1e6),
    ]
    seen = [kit.observation(outcome, site=f"S{i}") for i, outcome in enumerate(outcomes)]
    evidence = gather(group_by_coupon(seen))
    assert (len(evidence.sites), evidence.n_rows) == (3, 4 + 2 + 1)
    assert evidence.row_site.tolist() == [0, 0, 0, 0, 1, 1, 2]
    assert evidence.row_is_total.tolist() == [False] * 6 + [True]
    assert evidence.known.count(Known.VALUE) == 4
    assert gather([]).n_rows == gather(group_by_coupon([seen[1]])).n_rows == 0


@given(
    temperature_C=st.floats(200.0, 550.0),
    hold_s=st.floats(60.0, 20000.0),
    pieces=st.integers(4, 120),
    wobble_C=st.floats(0.0, 2.0),
)
def test_a_coarse_history_does_to_the_glass_what_the_fine_one_does(
    temperature_C: float, hold_s: float, pieces: int, wobble_C: float
) -> None:
    fine = HeatTreatment(temperature_C=temperature_C, hold_s=hold_s).steps(pieces_per_ramp=pieces)
    hold = fine[pieces]
    measured = tuple(
        HeatStep(temperature_C=hold.temperature_C + wobble_C * (-1) ** i, duration_s=hold.duration_s / 40)
        for i in range(40)
    )
    history = (*fine[:pieces], *measured, *fine[pieces + 1 :])
    coarse = coarse_history(history)
    assert len(coarse) <= 60
    assert sum(s.duration_s for s in coarse) == pytest.approx(sum(s.duration_s for s in history))
    assert arrhenius(coarse) == pytest.approx(arrhenius(history), rel=0.03)


@pytest.mark.parametrize(("temperature_C", "hold_s"), [(200.0, 1800.0), (431.0, 3660.0), (550.0, 7200.0)])
def test_the_programme_is_read_back_from_the_history(temperature_C: float, hold_s: float) -> None:
    space = SearchSpace(ramp_C_min=5.0)
    programme = space.heat_treatment(temperature_C, hold_s)
    found = programme_of(programme.steps(pieces_per_ramp=60), space)
    assert found is not None
    assert found.temperature_C == pytest.approx(temperature_C, abs=3.0)
    assert found.hold_s == pytest.approx(hold_s, abs=300.0)
    assert found.ramp_C_min == 5.0
    assert programme_of((), space) is None
    assert programme_of((HeatStep(temperature_C=25.0, duration_s=60.0),), space) is None
