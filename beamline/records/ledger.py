"""What happened to each coupon and site, as a projection of the documents and of nothing else.

    blank -> intended -> written -> annealed -> measured          suspect, damaged: never to be exposed again

A writing run records an event in `intents` before it fires at a site, and one in `exposures` after each pass. A site is
suspect when it may have been exposed without being confirmed (the run ended after its intent and before its last pass; in
a run without intents: before its last pass), when it was exposed more often than its recipe says, and when the heat
treatment of its coupon did not end as planned. Damage and doubt that a person saw are runs of `purpose="mark"` (`marks`);
damage is final.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, Self

from pydantic import ValidationError

from beamline.recipe import Glass, HeatTreatment, Recipe, Site
from beamline.records.errors import RecordError
from beamline.records.replay import replay
from beamline.records.run import Run, events_of

__all__ = ["CouponRecord", "Ledger", "SiteRecord", "SiteState"]


class SiteState(StrEnum):
    """How far a site has come."""

    BLANK = "blank"
    INTENDED = "intended"
    WRITTEN = "written"
    ANNEALED = "annealed"
    MEASURED = "measured"
    SUSPECT = "suspect"
    DAMAGED = "damaged"


_UNTOUCHED: Final = frozenset({SiteState.BLANK, SiteState.INTENDED})
_EXPOSED: Final = frozenset({SiteState.WRITTEN, SiteState.ANNEALED, SiteState.MEASURED})


@dataclass(frozen=True)
class SiteRecord:
    """What the records say of one site.

    Attributes:
        coupon: serial.
        name: of the site.
        state: how far it has come.
        site: its place, where a document has told it.
        recipe: what was last asked for.
        suggestion_id: where the recipe came from.
        reason: why it is suspect.
        n_exposures: how many exposures (passes) are confirmed, over all runs.
        n_spectra: how many spectra were taken.
        runs: uids of the runs that touched it, in their order.
    """

    coupon: str
    name: str
    state: SiteState = SiteState.BLANK
    site: Site | None = None
    recipe: Recipe | None = None
    suggestion_id: str | None = None
    reason: str = ""
    n_exposures: int = 0
    n_spectra: int = 0
    runs: tuple[str, ...] = ()


@dataclass(frozen=True)
class CouponRecord:
    """What the records say of one coupon.

    Attributes:
        serial: of the coupon.
        glass: what it is made of, where a document has told it.
        n_coupon: its number in the campaign, counted from 1.
        width_mm: extent along x, mm.
        height_mm: extent along y, mm.
        damage: why nothing more is to be done with the whole of it; empty where it is sound.
        heat_treatments: the finished ones, in their order.
        sites: by name.
    """

    serial: str
    glass: Glass | None = None
    n_coupon: int | None = None
    width_mm: float = 20.0
    height_mm: float = 20.0
    damage: str = ""
    heat_treatments: tuple[HeatTreatment, ...] = ()
    sites: dict[str, SiteRecord] = field(default_factory=dict)


@dataclass
class _OpenRun:
    start: dict[str, Any]
    coupon: str
    streams: dict[str, str] = field(default_factory=dict)  # descriptor uid -> stream name
    intents: set[str] = field(default_factory=set)  # names of the sites at which it was about to fire
    n_passes: Counter[str] = field(default_factory=Counter)  # confirmed ones, by site name
    untouched: set[str] = field(
        default_factory=set
    )  # names of the sites that might be written, or rewritten, when it began


class Ledger:
    """A Bluesky callback that follows the coupons; feed it the documents in their order, live or from the log."""

    def __init__(self) -> None:
        self._coupons: dict[str, CouponRecord] = {}
        self._runs: dict[str, _OpenRun] = {}

    @classmethod
    def of(cls, runs: Iterable[Run]) -> Self:
        """The ledger of recorded runs (`Ledger.of(records.runs())`); a run that nobody writes any more has ended."""
        ledger = cls()
        for run in runs:
            replay(run, ledger)
            if run.stop is None and run.state == "orphaned":
                ledger("stop", {"run_start": run.uid, "exit_status": "abort"})
        return ledger

    def __call__(self, name: str, doc: dict[str, Any]) -> None:
        """Take in one document.

        Raises:
            RecordError: a document of ours does not hold what it must.
        """
        try:
            self._take(name, doc)
        except (ValidationError, KeyError) as error:
            raise RecordError(
                f"a {name} document does not fit the ledger: {error}; document {doc.get('uid')}"
            ) from error

    def coupons(self) -> tuple[CouponRecord, ...]:
        """All coupons that the documents speak of, in the order of their first appearance."""
        return tuple(self._coupons.values())

    def coupon(self, serial: str) -> CouponRecord:
        """One coupon; without sites where no document speaks of it."""
        return self._coupons.get(serial, CouponRecord(serial))

    def site(self, coupon: str, name: str) -> SiteRecord:
        """One site; blank where no document speaks of it."""
        return self.coupon(coupon).sites.get(name, SiteRecord(coupon, name))

    def sites(self, coupon: str | None = None, state: SiteState | None = None) -> tuple[SiteRecord, ...]:
        """Sites that the documents speak of, of one coupon or all, in one state or any."""
        records = self.coupons() if coupon is None else (self.coupon(coupon),)
        found = (site for record in records for site in record.sites.values())
        return tuple(site for site in found if state is None or site.state is state)

    def may_write(self, coupon: str, name: str) -> bool:
        """Whether a site has certainly not been exposed, and is not damaged."""
        return not self.coupon(coupon).damage and self.site(coupon, name).state in _UNTOUCHED

    def may_rewrite(self, coupon: str, name: str) -> bool:
        """Whether a further pass may go over a site: it is written, its exposures are confirmed, and nothing is wrong with it."""
        return not self.coupon(coupon).damage and self.site(coupon, name).state in _EXPOSED

    def _take(self, name: str, doc: dict[str, Any]) -> None:
        match name:
            case "start":
                self._start(doc)
            case "descriptor" if (run := self._runs.get(doc["run_start"])) is not None:
                run.streams[doc["uid"]] = doc["name"]
            case "event" | "event_page":
                for event in events_of(name, doc):
                    self._event(event)
            case "stop" if (run := self._runs.pop(doc["run_start"], None)) is not None:
                self._stop(run, doc["exit_status"] == "success")

    def _start(self, doc: dict[str, Any]) -> None:
        purpose = doc.get("purpose")
        if purpose == "decision" and doc.get("suggestion"):
            self._intend_suggestion(doc["uid"], doc["suggestion"])
        if purpose == "mark":
            self._mark(doc)
        if purpose not in ("writing", "heat_treatment", "measurement"):
            return
        about = doc["coupon"]
        serial: str = about["serial"]
        self._coupons[serial] = replace(_described(self.coupon(serial), about), n_coupon=doc.get("n_coupon"))
        run = self._runs[doc["uid"]] = _OpenRun(doc, serial)
        if purpose == "writing":
            may = self.may_rewrite if doc.get("is_rewriting") else self.may_write
            run.untouched = {name for name in doc["sites"] if may(serial, name)}
            for name, site in doc["sites"].items():
                asked = (Recipe.model_validate(doc["recipes"][name]), doc.get("suggestion_id"))
                self._intend(Site.model_validate(site), asked, doc["uid"])

    def _intend_suggestion(self, uid: str, suggestion: dict[str, Any]) -> None:
        about = suggestion["coupon"]
        serial: str = about["serial"]
        self._coupons[serial] = _described(self.coupon(serial), about)
        for one in suggestion["sites"]:
            recipe = {"writing": one["writing"], "heat_treatment": suggestion["heat_treatment"]}
            asked = (Recipe.model_validate(recipe), suggestion["suggestion_id"])
            self._intend(Site.model_validate(one["site"]), asked, uid)

    def _mark(self, doc: dict[str, Any]) -> None:
        """What a person saw: of some sites, or (without names) of the whole coupon."""
        about, reason = doc["coupon"], str(doc["reason"])
        serial: str = about["serial"]
        state = SiteState(doc["condition"])
        coupon = self._coupons[serial] = _described(self.coupon(serial), about)
        if not doc["sites"] and state is SiteState.DAMAGED:
            self._coupons[serial] = replace(coupon, damage=reason)
        for name in doc["sites"] or tuple(coupon.sites):
            before = self.site(serial, name)
            self._put(replace(_unless_damaged(before, state, reason), runs=(*before.runs, doc["uid"])))

    def _intend(self, site: Site, asked: tuple[Recipe, str | None], uid: str) -> None:
        before = self.site(site.coupon, site.name)
        if before.state in _UNTOUCHED:
            recipe, suggestion_id = asked
            after = replace(before, state=SiteState.INTENDED, site=site, recipe=recipe, suggestion_id=suggestion_id)
            self._put(replace(after, runs=(*before.runs, uid)))

    def _event(self, doc: dict[str, Any]) -> None:
        for uid, run in self._runs.items():
            stream = run.streams.get(doc["descriptor"])
            name = doc["data"].get("site_name")
            if stream is None or name is None:
                continue
            before = self.site(run.coupon, name)
            before = replace(before, runs=before.runs if uid in before.runs else (*before.runs, uid))
            if stream == "intents":
                run.intents.add(name)
                self._put(before)
            elif stream == "exposures":
                run.n_passes[name] += 1
                self._put(_exposed(before, run))
            elif stream == "spectra":
                state = SiteState.MEASURED if before.state in _EXPOSED else before.state
                self._put(replace(before, state=state, n_spectra=before.n_spectra + 1))

    def _stop(self, run: _OpenRun, succeeded: bool) -> None:  # noqa: FBT001  # private, and called in one place
        purpose = run.start["purpose"]
        if purpose == "writing":
            # A run that says so notes each intent: without one nothing was fired at.
            for name in run.intents if run.start.get("notes_intents") else run.intents or run.start["sites"]:
                if run.n_passes[name] >= _passes_asked(run, name):
                    continue
                reason = f"writing run {run.start['uid']} ended without confirming its exposure"
                self._put(_unless_damaged(self.site(run.coupon, name), SiteState.SUSPECT, reason))
        elif purpose == "heat_treatment":
            self._heated(run, succeeded)

    def _heated(self, run: _OpenRun, succeeded: bool) -> None:  # noqa: FBT001  # private, and called in one place
        coupon = self.coupon(run.coupon)
        uid = run.start["uid"]
        if succeeded:
            done = HeatTreatment.model_validate(run.start["heat_treatment"])
            coupon = replace(coupon, heat_treatments=(*coupon.heat_treatments, done))
            self._coupons[run.coupon] = coupon
        for site in coupon.sites.values():
            if site.state in _EXPOSED:
                after = replace(site, state=SiteState.ANNEALED, runs=(*site.runs, uid))
                if not succeeded:
                    reason = f"heat treatment {uid} did not end as planned"
                    after = replace(after, state=SiteState.SUSPECT, reason=reason)
                self._put(after)

    def _put(self, record: SiteRecord) -> None:
        coupon = self.coupon(record.coupon)
        self._coupons[record.coupon] = replace(coupon, sites={**coupon.sites, record.name: record})


def _described(record: CouponRecord, about: dict[str, Any]) -> CouponRecord:
    """The record with what a document says of the coupon's glass and size."""
    size = {key: float(about[key]) for key in ("width_mm", "height_mm") if key in about}
    return replace(record, glass=Glass.model_validate(about["glass"]), **size)  # type: ignore[arg-type]  # by name


def _unless_damaged(before: SiteRecord, state: SiteState, reason: str) -> SiteRecord:
    """Damage is final."""
    return before if before.state is SiteState.DAMAGED else replace(before, state=state, reason=reason)


def _exposed(before: SiteRecord, run: _OpenRun) -> SiteRecord:
    """The record after one more confirmed pass of a run."""
    after = replace(before, n_exposures=before.n_exposures + 1)
    n_passes, n_asked = run.n_passes[before.name], _passes_asked(run, before.name)
    if before.name not in run.untouched:
        return _unless_damaged(after, SiteState.SUSPECT, before.reason or "exposed again by another run")
    if n_passes > n_asked:
        return _unless_damaged(after, SiteState.SUSPECT, f"exposed {n_passes} times, asked for {n_asked}")
    return _unless_damaged(after, SiteState.WRITTEN, before.reason) if n_passes == n_asked else after


def _passes_asked(run: _OpenRun, name: str) -> int:
    n_passes: int = run.start["recipes"].get(name, {}).get("writing", {}).get("n_passes", 1)
    return n_passes
