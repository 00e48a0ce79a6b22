"""The optimiser's decisions made again from the records: the same records must lead to the same suggestions.

With another kind of optimiser the same records show what that one would have suggested, coupon by coupon, had it been told
what was measured. What it would have measured nobody knows: each suggestion is answered by what was really done.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from beamline.campaign import Campaign, OptimizerChoice
from beamline.campaign.observations import coupon_observations
from beamline.night import lineage, optimizer_of, unused_coupons
from beamline.optimize import Optimizer, OptimizerKind, OptimizerStatus
from beamline.optimize.agent import Agent
from beamline.optimize.decide import Decided, Reject, relived
from beamline.optimize.prior import PhysicsPrior
from beamline.optimize.sceptic import Sceptic
from beamline.recipe import Coupon, Frozen, Observation, Suggestion
from beamline.records import RecordError, Records, Run

__all__ = ["Reanalysed", "Redecided", "campaign_of", "reanalyse", "redecide", "taught"]

_Word = TypeVar("_Word", bound=Frozen)


@dataclass(frozen=True)
class Redecided:
    """One decision, then and now.

    Attributes:
        run_uid: of the decision's run.
        n_coupon: as recorded: the coupon that came next, or how many had been used at a stop.
        recorded: what was suggested; at a stop, what would have come next; None where nothing was.
        again: what is suggested now from the same observations.
        is_same_suggestion: equal byte for byte.
        is_same_state: the beliefs recorded with it are equal too; None where another optimiser was asked.
        p_reached: by then, and by now.
    """

    run_uid: str
    n_coupon: int
    recorded: Suggestion | None
    again: Suggestion | None
    is_same_suggestion: bool
    is_same_state: bool | None
    p_reached: tuple[float, float]


@dataclass(frozen=True)
class Reanalysed:
    """One site's outcome as the night's analysis saw it, and as the present one does, from the same counts."""

    coupon: str
    site: str
    then: Observation
    now: Observation

    @property
    def is_same(self) -> bool:
        """Equal byte for byte, heat history and power included."""
        return self.then.to_json() == self.now.to_json()


def campaign_of(records: Records, campaign_uid: str) -> tuple[Campaign, Run]:
    """The campaign as the first run of its night records it, and that run.

    Raises:
        RecordError: the records know of none with this uid.
    """
    first = next(iter(records.runs(campaign=campaign_uid, purpose="campaign")), None)
    if first is None:
        raise RecordError(
            f"no campaign {campaign_uid!r} in {records.folder}; `vitrail campaign status` lists those there are"
        )
    return _word(Campaign, first.start["campaign_file"]), first


def redecide(records: Records, campaign_uid: str, kind: OptimizerKind | None = None) -> Iterator[Redecided]:
    """Make each decision of a night again, from what was known at it.

    Args:
        records: that hold it.
        campaign_uid: whose decisions.
        kind: of another optimiser than the campaign's, with the same space, objective and seed; None for its own.

    Raises:
        RecordError: the records know of no such campaign.
    """
    campaign, first = campaign_of(records, campaign_uid)
    if kind is not None and kind != campaign.optimizer.kind:
        campaign = campaign.model_copy(update={"optimizer": campaign.optimizer.model_copy(update={"kind": kind})})
    is_own = campaign.optimizer.kind == first.start["campaign_file"]["optimizer"]["kind"]
    optimizer = optimizer_of(campaign)
    coupons: list[Coupon] = list(unused_coupons(records, campaign, first.start.get("after"), until=first.start["time"]))
    for run in records.runs(campaign=campaign_uid, purpose="decision"):
        start = run.start
        if start["ingested"]:
            optimizer.ingest([_word(Observation, plain) for plain in start["ingested"]])
        state = _word(OptimizerStatus, start["state"])
        status = optimizer.status()
        is_stop = start["verdict"] == "stop"
        plain = start.get("next_suggestion" if is_stop else "suggestion")
        recorded = None if plain is None else _word(Suggestion, plain)
        again = None if recorded is None else _again(optimizer, coupons, start if is_own else {})
        yield Redecided(
            run_uid=run.uid,
            n_coupon=start["n_coupon"],
            recorded=recorded,
            again=again,
            is_same_suggestion=_text(recorded) == _text(again),
            is_same_state=state.to_json() == status.to_json() if is_own else None,
            p_reached=(state.p_reached, status.p_reached),
        )
        if recorded is not None and not is_stop:
            coupons = [coupon for coupon in coupons if coupon.serial != recorded.coupon.serial]


def _again(optimizer: Optimizer, coupons: list[Coupon], start: dict[str, Any]) -> Suggestion | None:
    """What would be done now: what people said then is said again, to what is suggested now."""
    told = [_word(Decided, plain) for plain in start.get("human", ())]
    if not told:
        return optimizer.suggest(coupons)
    now = relived(optimizer, coupons, told)[-1]
    if now != told[-1].suggestion:
        return now
    if isinstance(told[-1].decision, Reject):  # and the night ended before anybody was asked again
        return optimizer.suggest(coupons)
    return told[-1].done()


def taught(records: Records, campaign_uid: str) -> tuple[Agent, tuple[str, ...]]:
    """The physics, told all that a campaign learnt and what it measured without a decision after it.

    Whatever optimiser the campaign had; of a learnt prior the agent is the one that the data believe.

    Returns:
        The agent, and the uids of the campaigns that have taught it.

    Raises:
        RecordError: the records know of no such campaign.
    """
    campaign, first = campaign_of(records, campaign_uid)
    if campaign.optimizer.kind != "physics":
        campaign = campaign.model_copy(update={"optimizer": OptimizerChoice()})
    optimizer = optimizer_of(campaign)
    seen = [
        _word(Observation, plain)
        for run in records.runs(campaign=campaign_uid, purpose="decision")
        for plain in run.start["ingested"]
    ]
    known = {one.site.coupon for one in seen}
    written = dict.fromkeys(
        run.start["coupon"]["serial"] for run in records.runs(campaign=campaign_uid, purpose="writing")
    )
    for serial in written:
        if serial not in known:
            seen += coupon_observations(records, campaign_uid, serial)
    optimizer.ingest(seen)
    agent = optimizer.believed if isinstance(optimizer, Sceptic) else optimizer
    assert isinstance(agent, Agent)  # the kind is physics
    of_prior = agent.prior.prior.learned_from if isinstance(agent.prior, PhysicsPrior) else ()
    return agent, tuple(dict.fromkeys([*of_prior, *lineage(records, first.start.get("after")), campaign_uid]))


def reanalyse(records: Records, campaign_uid: str) -> Iterator[Reanalysed]:
    """Each outcome that the optimiser learned in a night, beside what the present analysis makes of the same spectra.

    Raises:
        RecordError: the records know of no such campaign.
    """
    campaign_of(records, campaign_uid)
    serials = {run.start["coupon"]["serial"] for run in records.runs(campaign=campaign_uid, purpose="writing")}
    now: dict[str, dict[str, Observation]] = {}
    for run in records.runs(campaign=campaign_uid, purpose="decision"):
        for plain in run.start["ingested"]:
            then = _word(Observation, plain)
            serial, site = then.site.coupon, then.site.name
            if serial not in serials:
                continue  # of an earlier night
            if serial not in now:
                found = coupon_observations(records, campaign_uid, serial)
                now[serial] = {observation.site.name: observation for observation in found}
            yield Reanalysed(serial, site, then, now[serial][site])


def _word(kind: type[_Word], plain: Any) -> _Word:
    return kind.model_validate_json(json.dumps(plain))


def _text(suggestion: Suggestion | None) -> str | None:
    return None if suggestion is None else suggestion.to_json()
