"""Nights made of documents alone: whole, broken off, dark, begun; every number is chosen here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from night_maker import HEAT, UID, Bands, NightMaker, campaign

from beamline.campaign.question import Question, question_of
from beamline.optimize import OptimizerStatus
from beamline.optimize.decide import Decided, Edit, Reject
from beamline.recipe import Observation
from beamline.records import Records

__all__ = [
    "NIGHTS",
    "UID",
    "NightMaker",
    "begun_night",
    "campaign",
    "cut_night",
    "dark_night",
    "third_question",
    "whole_night",
]

ONE_LIT: dict[str, Bands] = {"A1": ((514.0, 4e5), (645.0, 8e5)), "A2": (), "B1": (), "B2": ()}


def whole_night(folder: Path) -> Records:
    """Two coupons to the end; every kind of outcome but a failed instrument."""
    night = NightMaker(folder, campaign(max_coupons=2, target_reached_confidence=0.95))
    night.begin()
    fresh: Sequence[Observation] = ()
    lights: list[dict[str, Bands]] = [
        {"A1": ((514.0, 4e5), (640.0, 8e5)), "A2": ((515.0, 3e5),), "B1": (), "B2": None},
        {
            "A1": ((514.0, 5e5), (630.5, 5e5)),
            "A2": ((514.0, 6e5), (628.0, 5e5)),
            "B1": ((650.0, 2e5),),
            "B2": ((514.0, 5e5), (634.0, 4e5)),
        },
    ]
    for serial, light in zip(("C1", "C2"), lights, strict=True):
        suggestion = night.coupon(serial, light, fresh)
        night.clock_s += 40.0
        fresh = night.observed(suggestion)
    night.decide(None, fresh, "2 coupons used, as many as the campaign allows")
    return Records(folder)


def cut_night(folder: Path) -> Records:
    """One coupon measured without its dark, a second one broken off while it was written; the reason tries to be a script."""
    night = NightMaker(folder, campaign())
    night.begin()
    first = night.coupon("C1", ONE_LIT, has_dark=False)
    second = night.suggestion("C2")
    told = [
        Reject(by="ada", note="too <b>hot</b>", interface="web"),
        Edit(by="bob", leave_out=("B1", "B2"), heat_treatment=HEAT, interface="command"),
    ]
    human = [Decided(suggestion=second, decision=decision) for decision in told]
    night.decide(second, night.observed(first), human=human)
    night.write(second, n_sites=2, exit_status="abort", why="<script>alert('laser')</script>")
    return Records(folder)


def dark_night(folder: Path) -> Records:
    """A random search with dots: no predictions, no physics, and nothing shines; nothing was ingested either."""
    night = NightMaker(folder, campaign("dot", "random"))
    night.begin()
    night.coupon("C1", {"A1": (), "A2": (), "B1": (), "B2": ()}, with_predictions=False)
    return Records(folder)


NIGHTS: dict[str, Callable[[Path], Records]] = {"whole": whole_night, "cut": cut_night, "dark": dark_night}


def begun_night(folder: Path) -> None:
    """One whose first coupon is measured, and whose second is decided."""
    night = NightMaker(folder, campaign())
    night.begin()
    first = night.coupon("C1", ONE_LIT)
    night.decide(night.suggestion("C2"), night.observed(first))


def third_question(folder: Path) -> Question:
    """What the begun night asks after its second coupon: about the third, after one rejection."""
    plan = campaign()
    suggestion = NightMaker(folder, plan).suggestion("C3")
    return question_of(
        plan,
        UID,
        suggestion,
        n_coupon=3,
        coupons=plan.coupons[2:],
        before=(Decided(suggestion=suggestion, decision=Reject(by="ada", note="<b>too</b> hot")),),
        status=OptimizerStatus(kind="physics", n_observations=8, n_failed=0, n_coupons=2, p_reached=0.25),
        learnt=(),
    )
