"""A night that was interrupted goes on, from its records alone: no site is fired at twice, what is left of the coupon is done.

The optimiser learns again what each recorded decision had learnt, in the same order. A bench is as it is. The simulated
one has died with its process: its world is made anew from the seed, and re-lives what the records say through the same
plans and drivers, without a log, up to the last document; what it does is compared with the records on the way.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from bluesky import RunEngine
from bluesky.utils import RunEngineInterrupted

from beamline.campaign import Campaign
from beamline.campaign.left import night_left
from beamline.campaign.state import CampaignState
from beamline.decisions import campaign_of
from beamline.hardware import Ask
from beamline.instrument import Instrument
from beamline.night import (
    NightOutcome,
    carry_out,
    earlier_observations,
    night_metadata,
    optimizer_of,
    unused_coupons,
)
from beamline.optimize import OptimizerStatus
from beamline.optimize.decide import Approve, Decided, Decision, Reject
from beamline.preflight import Check, preflight_rest, refusals
from beamline.recipe import Coupon, Observation, Suggestion
from beamline.records import Document, Records, Run, used_calibrations
from beamline.safety import DiskSpace, Monitors, bench_monitors, guarded, make_safe
from beamline.session import Session, open_session
from beamline.versions import versions
from devices import Bench
from plans import CouponInHand, Night, NightLabel, campaign_plan
from plans.review import by_callable

__all__ = ["ResumeError", "open_resumed", "preflight_of_rest", "resume_night"]

_logger = logging.getLogger(__name__)
RELATIVE = 1e-6
"""How far what is re-lived may be from what is recorded: another machine's libraries round otherwise, no more."""
_BEGINS = frozenset({"campaign", "resume"})


class ResumeError(RuntimeError):
    """The night cannot be taken up again; the message says why, and what can be done instead.

    To do: do what the message offers: mostly a new night that learns from this one, `vitrail campaign run FILE
    --after UID`.
    """


def open_resumed(
    instrument: Instrument, data: Path, campaign_uid: str, *, catalog: bool = True, ask: Ask | None = None
) -> Session:
    """A session for a campaign of the records: at a bench as it is, on the twin with its world re-lived.

    Raises:
        ResumeError: there is nothing to go on with, or the twin does not re-live what is recorded.
        Exception: what `open_session` raises.
    """
    records = Records(data)
    campaign, first = campaign_of(records, campaign_uid)
    recorded = dict(first.start["instrument"])
    if (recorded["name"], recorded["kind"]) != (instrument.name, instrument.kind):
        raise ResumeError(
            f"the night ran on {recorded['name']} ({recorded['kind']}), and this is {instrument.name} ({instrument.kind}); "
            "give the instrument file of that one with --instrument"
        )
    runs = records.runs(campaign=campaign_uid)
    if night_left(runs, campaign.policy.half_heated).is_over:
        raise ResumeError(
            f"campaign {campaign_uid[:8]} is done, there is nothing left of it; `vitrail campaign run FILE --after "
            f"{campaign_uid[:8]}` goes on with other coupons"
        )
    is_twin = instrument.kind == "twin"

    def lives_again(engine: RunEngine, bench: Bench, closed: Records) -> None:
        _relive(engine, bench, closed, campaign_uid, instrument)

    return open_session(
        instrument,
        coupons=campaign.coupons,
        data=data,
        seed=campaign.seed,
        unattended=True,
        catalog=catalog,
        ask=ask,
        faults=campaign.faults,
        clock_start_s=0.0 if is_twin else _clock_now_s(runs, datetime.now(UTC).timestamp()),
        before_log=lives_again if is_twin else None,
    )


def preflight_of_rest(session: Session, campaign_uid: str) -> tuple[Check, ...]:
    """The check-list for a night that would be gone on with now, on a session of `open_resumed`."""
    campaign, _ = campaign_of(session.records, campaign_uid)
    left = night_left(session.records.runs(campaign=campaign_uid), campaign.policy.half_heated)
    n_coupons = max(campaign.n_coupons_max - left.n_done, 1)
    return preflight_rest(session, campaign, n_coupons, datetime.now(UTC).astimezone())


def resume_night(
    session: Session,
    campaign_uid: str,
    *,
    checks: Sequence[Check] | None = None,
    subscribers: Sequence[Callable[[str, dict[str, Any]], None]] = (),
    watchers: Sequence[Callable[[CampaignState], Any]] = (),
) -> NightOutcome:
    """Go on with a night, on a session of `open_resumed`.

    Args:
        session: the instrument.
        campaign_uid: of the night.
        checks: of the pre-flight, where somebody has made and shown it; else it is made here.
        subscribers: as of `run_night`.
        watchers: the same.

    Raises:
        ResumeError: it is over, or its pre-flight refuses.
    """
    records = session.records
    campaign, first = campaign_of(records, campaign_uid)
    runs = records.runs(campaign=campaign_uid)
    left = night_left(runs, campaign.policy.half_heated)
    if left.is_over:
        raise ResumeError(f"campaign {campaign_uid[:8]} is done, there is nothing left of it")
    if checks is None:
        checks = preflight_of_rest(session, campaign_uid)
    if refused := refusals(checks):
        raise ResumeError("not gone on with: " + "; ".join(f"{check.name}: {check.said}" for check in refused))
    optimizer = optimizer_of(campaign)
    decisions = [run for run in runs if run.start["purpose"] == "decision"]
    for run in decisions:
        if run.start["ingested"]:
            optimizer.ingest([Observation.model_validate_json(json.dumps(plain)) for plain in run.start["ingested"]])
        optimizer.decide(_decided(run.start))
    after = first.start.get("after")
    coupons = _coupons(records, campaign, first, left.begun)
    earlier = earlier_observations(records, after) if after and not decisions else ()
    start = datetime.fromisoformat(first.start["start_time"])
    night = Night(
        bench=session.bench,
        campaign=campaign,
        optimizer=optimizer,
        records=records,
        label=NightLabel(campaign.name, campaign_uid, versions()),
        times=session.instrument.times,
        deadline_s=campaign.stop.deadline_s(start),
        metadata=night_metadata(session, campaign, start, earlier, coupons)
        | {
            "part": sum(run.start["purpose"] in _BEGINS for run in runs),
            "interrupted": left.interrupted,
            "preflight": [asdict(check) for check in checks],
            "resumed_time": datetime.now(UTC).astimezone().isoformat(timespec="seconds"),
        },
        coupons=list(coupons),
        earlier=earlier,
        start_s=float(first.start["clock_s"]),
        n_done=left.n_done,
        left=left,
    )
    return carry_out(session, night, subscribers, watchers)


def _decided(start: Mapping[str, Any]) -> list[Decided]:
    """What people said before a decision."""
    return [Decided.model_validate_json(json.dumps(plain)) for plain in start.get("human", ())]


def _coupons(records: Records, campaign: Campaign, first: Run, begun: frozenset[str]) -> tuple[Coupon, ...]:
    """Those that may still be used: at hand when the night began, and not begun."""
    at_hand = unused_coupons(records, campaign, first.start.get("after"), until=first.start["time"])
    return tuple(coupon for coupon in at_hand if coupon.serial not in begun)


def _clock_now_s(runs: Sequence[Run], now: float) -> float:
    """What the clock of the night would say, had it gone on: last reading, and the wall's time since."""
    last = runs[-1]
    readings = [(doc["time"], doc["data"]["clock_s"]) for name, doc in last.documents if name == "event"]
    time_s, clock_s = max(readings, default=(last.start["time"], last.start["clock_s"]))
    return float(clock_s + max(now - time_s, 0.0))


# ------------------------------------------------------------------------------------------------------------- re-living
class _EndOfRecords(Exception):  # noqa: N818  # it is no error: this is as far as the records go
    """The world is where the records end."""


class _RecordedDecisions:
    """The optimiser's answers, and people's, as the records have them."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._starts = iter([run.start for run in runs if run.start["purpose"] == "decision"])
        self._suggestions: list[Suggestion] = []
        self._said: list[Decision] = []

    def ingest(self, observations: Sequence[Observation]) -> None:
        """Nothing is learnt here."""

    def decide(self, told: Sequence[Decided]) -> None:
        """Nor from people."""

    def status(self) -> OptimizerStatus:
        """Of the next recorded decision."""
        try:
            start = next(self._starts)
        except StopIteration:
            raise _EndOfRecords from None
        told = _decided(start)
        self._suggestions = [one.suggestion for one in told]
        self._said = [one.decision for one in told]
        plain = start.get("suggestion") or start.get("next_suggestion")
        if plain is not None and (not told or isinstance(told[-1].decision, Reject)):
            self._suggestions.append(Suggestion.model_validate_json(json.dumps(plain)))
        return OptimizerStatus.model_validate_json(json.dumps(start["state"]))

    def suggest(self, coupons: Sequence[Coupon]) -> Suggestion:  # noqa: ARG002  # as an optimiser's
        """What was suggested."""
        return self._suggestions.pop(0)

    def review(self, suggestion: Suggestion) -> Decision:  # noqa: ARG002  # as a reviewer's
        """What was said to it; where nobody was asked, it was done."""
        return self._said.pop(0) if self._said else Approve(by="the records")


class _RelivedNight(Night):
    """Reads nothing from the records but what was fired at, and refuses nothing: it has happened."""

    def observations(self, serial: str) -> tuple[Observation, ...]:  # noqa: ARG002  # as the night's
        return ()

    def refuse_second_exposures(self, hand: CouponInHand) -> None:  # noqa: ARG002  # as the night's
        return


def _relive(engine: RunEngine, bench: Bench, records: Records, campaign_uid: str, instrument: Instrument) -> None:
    """Bring a fresh twin to where the records of a campaign end, and into its safe state there."""
    campaign, first = campaign_of(records, campaign_uid)
    if float(first.start["clock_s"]) != bench.clock.now_s:
        raise ResumeError(
            f"the campaign began at {first.start['clock_s']:g} s of its session's clock: what that session did before is not "
            "part of its records; go on with --after"
        )
    runs = [run for run in records.runs(campaign=campaign_uid) if run.start["purpose"] not in ("end", "mark")]
    begins = [i for i, run in enumerate(runs) if run.start["purpose"] in _BEGINS]
    for begin, end in zip(begins, [*begins[1:], len(runs)], strict=True):
        before, part = runs[:begin], runs[begin:end]
        left = night_left(before, campaign.policy.half_heated) if before else None
        recorded = _RecordedDecisions(part)
        used = {kind: one for run in part for kind, one in used_calibrations(run.start).items()}
        night = _RelivedNight(
            bench=replace(bench, calibrations=lambda used=used: used),  # type: ignore[misc]  # as it was set then
            campaign=campaign,
            optimizer=recorded,
            records=records,
            label=NightLabel(campaign.name, campaign_uid, {}),
            times=instrument.times,
            deadline_s=campaign.stop.deadline_s(datetime.fromisoformat(first.start["start_time"])),
            metadata={},
            coupons=list(_coupons(records, campaign, first, left.begun if left else frozenset())),
            start_s=float(first.start["clock_s"]),
            n_done=left.n_done if left else 0,
            left=left,
            review=by_callable(recorded.review),
        )
        _relive_part(engine, night, part)


def _monitors(night: Night) -> Monitors:
    """Those of a session, new for each part: their pauses are re-lived. Nothing is written here, so the disk is no matter."""
    of_session = bench_monitors(night.bench, night.records.folder).monitors
    return Monitors(night.bench.clock, [monitor for monitor in of_session if not isinstance(monitor, DiskSpace)])


def _relive_part(engine: RunEngine, night: Night, part: Sequence[Run]) -> None:
    follower = _Follower(part)
    token = engine.subscribe(follower)
    log = logging.getLogger("bluesky")
    level = log.level
    log.setLevel(logging.CRITICAL)  # its end is no error that anybody should look for in the log
    try:
        engine(guarded(campaign_plan(night), _monitors(night)))
    except RunEngineInterrupted:
        raise ResumeError("stopped while the simulated bench re-lived the night; nothing has changed") from None
    except _EndOfRecords:
        pass
    except Exception as error:  # the part ended by this error, or what is wrong has been noted
        if follower.problem is None and not follower.is_at_end():
            raise ResumeError(f"re-living the night failed before its end: {type(error).__name__}: {error}") from error
    finally:
        log.setLevel(level)
        engine.unsubscribe(token)
        make_safe(night.bench)
    if follower.problem is None and not follower.is_at_end():
        follower.problem = f"it ended after {follower.n_seen} documents of {follower.n_expected}"
    if follower.problem is not None:
        raise ResumeError(
            f"the simulated bench does not re-live the records: {follower.problem}; the instrument file or the code is another "
            "one than that night's; go on with `vitrail campaign run FILE --after` instead"
        )


class _Follower:
    """Compares what is re-lived with what is recorded, document by document, and ends it where the records end."""

    def __init__(self, part: Sequence[Run]) -> None:
        documents: list[Document] = [document for run in part for document in run.documents]
        stop = part[-1].stop or {}
        self._is_by_itself = stop.get("exit_status") == "fail"
        if documents[-1][0] == "stop" and stop.get("exit_status") != "success":
            documents.pop()  # this end came of the interruption
        self._documents = documents
        self.n_expected = len(documents)
        self.n_seen = 0
        self.problem: str | None = None
        self._has_ended = False

    def is_at_end(self) -> bool:
        """Whether all that is recorded has been re-lived."""
        return self.n_seen >= self.n_expected

    def __call__(self, name: str, doc: dict[str, Any]) -> None:
        """Take a document of the engine."""
        if self._has_ended:
            return
        if self.is_at_end():
            if name != "stop":  # it went on where the night that it re-lives had failed
                self._end()
            return
        recorded_name, recorded = self._documents[self.n_seen]
        self.n_seen += 1
        self.problem = _difference(name, doc, recorded_name, recorded)
        if self.problem is not None or (self.is_at_end() and not self._is_by_itself):
            self._end()

    def _end(self) -> None:
        self._has_ended = True
        raise _EndOfRecords


def _difference(name: str, doc: dict[str, Any], recorded_name: str, recorded: dict[str, Any]) -> str | None:
    if name != recorded_name:
        return f"a {name} document comes where a {recorded_name} is recorded"
    if name == "start":
        pairs = {key: (doc.get(key), recorded.get(key)) for key in ("purpose", "clock_s")}
    elif name == "event":
        data, there = doc["data"], recorded["data"]
        if data.keys() != there.keys():
            return f"an event has {sorted(data)}, recorded are {sorted(there)}"
        pairs = {key: (data[key], there[key]) for key in data}
    else:
        return None
    for key, (now, then) in pairs.items():
        if not _same(now, then):
            return f"{key} is {_short(now)}, recorded is {_short(then)} (clock {recorded.get('clock_s', '')})"
    return None


def _same(now: Any, then: Any) -> bool:
    if isinstance(then, str | bool) or then is None:
        return bool(now == then)
    return bool(np.allclose(np.asarray(now, float), np.asarray(then, float), rtol=RELATIVE, atol=1e-6, equal_nan=True))


def _short(value: Any) -> str:
    return repr(value)[:60]
