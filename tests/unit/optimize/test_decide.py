"""Decisions of people: what they do to a suggestion, and that an optimiser built anew from the records re-lives them."""

from __future__ import annotations

import json
from types import ModuleType

import numpy as np
import pytest
from pydantic import ValidationError

from beamline.optimize import Objective, Optimizer, OptimizerKind, SearchSpace, make_optimizer
from beamline.optimize.acquisition import Search
from beamline.optimize.agent import Agent
from beamline.optimize.avoid import REACH, avoided
from beamline.optimize.cube import Cube, furnace_factors
from beamline.optimize.decide import (
    Approve,
    Decided,
    Edit,
    OwnPoint,
    OwnPoints,
    Reject,
    SiteWriting,
    done_with,
    relived,
    words_of,
)
from beamline.recipe import HeatTreatment, Line, Site, Suggestion

QUICK = Search(n_draws=48, n_screening_draws=24, n_writings=24, n_furnace=6, n_refinements=1, n_around=3)
SPACE = SearchSpace()
KINDS: tuple[OptimizerKind, ...] = ("physics", "gp", "sobol", "random")


def made(kit: ModuleType, kind: OptimizerKind = "physics") -> Optimizer:
    told = {"space": SPACE, "objective": Objective(), "layout": kit.layout_of(4), "seed": 3}
    return (
        Agent(*told.values(), prior=kit.SmallPrior(), search=QUICK)
        if kind == "physics"
        else make_optimizer(kind, **told)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_night_with_people_in_it_is_relived_from_its_records(kit: ModuleType, kind: OptimizerKind) -> None:
    rack, rng = kit.rack(5), np.random.default_rng(1)
    cooler = HeatTreatment(temperature_C=333.0, hold_s=3600.0)
    says = iter(
        [
            Approve(by="ada"),
            Reject(by="ada", note="the furnace is wanted by others at that time"),
            Reject(by="bob", note="too near to the first", sites=("S01",)),
            Edit(by="bob", heat_treatment=cooler, leave_out=("S00",)),
        ]
    )
    optimizer, records = made(kit, kind), []
    for _ in range(2):
        done, told = None, []
        while done is None:
            told.append(Decided(suggestion=optimizer.suggest(rack), decision=next(says)))
            done = done_with(told[-1], rack, SPACE)
            optimizer.decide(told[-1:])
        seen = kit.answered_by(kit.SmallPrior(), done, np.zeros(5), rng)
        optimizer.ingest(seen)
        rack = [coupon for coupon in rack if coupon != done.coupon]
        records.append(json.dumps({"human": words_of(told), "seen": [json.loads(one.to_json()) for one in seen]}))
    assert [len(json.loads(one)["human"]) for one in records] == [1, 3]
    assert done.heat_treatment == cooler
    assert [site.site.name for site in done.sites] == ["S01", "S02", "S03"]

    again, rack = made(kit, kind), kit.rack(5)
    for text in records:
        plain = json.loads(text)
        told_then = [Decided.model_validate_json(json.dumps(one)) for one in plain["human"]]
        suggested = relived(again, rack, told_then)
        assert [one.to_json() for one in suggested] == [one.suggestion.to_json() for one in told_then]
        again.ingest([type(seen[0]).model_validate_json(json.dumps(one)) for one in plain["seen"]])
        last = told_then[-1].done(SPACE)
        assert last is not None
        rack = [coupon for coupon in rack if coupon != last.coupon]
    assert again.suggest(rack).to_json() == optimizer.suggest(rack).to_json()
    assert again.status().to_json() == optimizer.status().to_json()


def test_decisions_count_in_any_order_and_once(kit: ModuleType) -> None:
    one, other, first = made(kit), made(kit), made(kit).suggest(kit.rack(2))
    heat = Decided(suggestion=first, decision=Reject(by="ada", note="too hot"))
    site = Decided(suggestion=first, decision=Reject(by="ada", note="too fast", sites=("S02",)))
    one.decide([heat, site])
    other.decide([site])
    other.decide([heat, site])
    assert one.suggest(kit.rack(2)).to_json() == other.suggest(kit.rack(2)).to_json()


def test_what_was_rejected_is_not_suggested_again(kit: ModuleType) -> None:
    agent, furnace, rejected = made(kit), Cube(furnace_factors(SPACE)), []
    for _ in range(4):
        suggestion = agent.suggest(kit.rack(2))
        heat = suggestion.heat_treatment
        point = furnace.points(np.array([[heat.temperature_C, heat.hold_s]]))[0]
        assert all(np.abs(point - before).max() > REACH for before in rejected)
        rejected.append(point)
        agent.decide([Decided(suggestion=suggestion, decision=Reject(by="ada", note="no"))])
    belief = agent.status()
    assert (belief.n_observations, belief.p_reached) == (0, 0.0)  # a rejection teaches nothing about glass


def test_rejecting_everything_leaves_the_best_of_what_was_rejected(kit: ModuleType) -> None:
    space = SearchSpace(temperature_C=(450.0, 450.0), hold_s=(3600.0, 3600.0))
    agent = Agent(space, Objective(), kit.layout_of(4), 3, prior=kit.SmallPrior(), search=QUICK)
    first = agent.suggest(kit.rack(1))
    names = tuple(site.site.name for site in first.sites)
    agent.decide([Decided(suggestion=first, decision=Reject(by="ada", note="no"))])
    agent.decide([Decided(suggestion=first, decision=Reject(by="ada", note="no", sites=names))])
    again = agent.suggest(kit.rack(1))
    assert again.heat_treatment.temperature_C == 450.0
    assert not {site.writing for site in again.sites} & {site.writing for site in first.sites}
    assert len(avoided([Decided(suggestion=first, decision=Reject(by="a", note="no", sites=names))]).writings) == 4


def suggested(kit: ModuleType) -> Suggestion:
    return made(kit).suggest(kit.rack(1))


def test_an_edit_keeps_predictions_only_where_the_recipe_is_as_suggested(kit: ModuleType) -> None:
    first = suggested(kit)
    slower = Line(pulse_energy_uJ=120.0, speed_mm_s=0.3)
    edit = Edit(by="ada", note="slower", writings=(SiteWriting(site="S02", writing=slower),))
    done = Decided(suggestion=first, decision=edit).done(SPACE)
    assert done is not None
    assert [bool(site.predictions) for site in done.sites] == [True, True, False, True]
    assert done.recipes()["S02"].writing == slower
    assert done.reason == "edited by ada: slower"
    hotter = Edit(by="ada", heat_treatment=HeatTreatment(temperature_C=540.0, hold_s=3600.0))
    all_new = Decided(suggestion=first, decision=hotter).done(SPACE)
    assert all_new is not None
    assert not any(site.predictions for site in all_new.sites)


def test_points_of_ones_own_take_the_place_of_the_suggestion(kit: ModuleType) -> None:
    first, coupon = suggested(kit), kit.rack(1, first=7)[0]
    point = OwnPoint(
        site=Site(coupon="C7", name="X1", x_mm=3.0, y_mm=4.0), writing=Line(pulse_energy_uJ=100.0, speed_mm_s=0.5)
    )
    own = OwnPoints(
        by="bob", coupon=coupon, heat_treatment=HeatTreatment(temperature_C=300.0, hold_s=1800.0), points=(point,)
    )
    done = Decided(suggestion=first, decision=own).done(SPACE)
    assert done is not None
    assert (done.coupon, done.recipes()["X1"].writing) == (coupon, point.writing)
    assert Decided.from_json(Decided(suggestion=first, decision=own).to_json()).decision == own
    with pytest.raises(ValueError, match="coupon C7 is not at hand, or was used; there are C1, C2"):
        done_with(Decided(suggestion=first, decision=own), kit.rack(2), SPACE)
    with pytest.raises(ValidationError, match="is not on C7"):
        OwnPoints.model_validate(
            own.model_dump() | {"points": [{**point.model_dump(), "site": {**point.site.model_dump(), "x_mm": 50.0}}]}
        )


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (
            Edit(by="ada", heat_treatment=HeatTreatment(temperature_C=300.0, hold_s=60000.0)),
            "hold_s 60000 is not within 1800 to 7200 s",
        ),
        (
            Edit(by="ada", writings=(SiteWriting(site="S01", writing=Line(pulse_energy_uJ=300.0, speed_mm_s=0.5)),)),
            "S01 pulse_energy_uJ 300 is not within 80 to 260 uJ",
        ),
        (
            Edit(by="ada", heat_treatment=HeatTreatment(temperature_C=300.0, hold_s=3600.0, ramp_C_min=5.0)),
            "ramp_C_min 5 is not within 10 to 10 degC/min",
        ),
        (
            Edit(
                by="a", writings=(SiteWriting(site="S01", writing=Line(pulse_energy_uJ=99, speed_mm_s=1, depth_mm=1)),)
            ),
            "S01 depth_mm 1 is not 0.2, which the campaign does not vary",
        ),
    ],
)
def test_what_lies_outside_the_space_is_refused_with_words(kit: ModuleType, decision: Edit, words: str) -> None:
    decided = Decided(suggestion=suggested(kit), decision=decision)
    assert decided.done() is not None  # people may, where nobody says that they may not
    with pytest.raises(ValueError, match=words):
        decided.done(SPACE)


def test_decisions_that_make_no_sense_are_refused(kit: ModuleType) -> None:
    first = suggested(kit)
    with pytest.raises(ValidationError, match="changes nothing"):
        Edit(by="ada")
    with pytest.raises(ValidationError, match="no site Z9 in this suggestion"):
        Decided(suggestion=first, decision=Reject(by="ada", note="no", sites=("Z9",)))
    with pytest.raises(ValidationError, match="leaves out every site"):
        Decided(suggestion=first, decision=Edit(by="a", leave_out=("S00", "S01", "S02", "S03")))
    with pytest.raises(ValidationError, match="more than once"):
        Edit(by="a", leave_out=("S00", "S00"))
