"""A campaign as the page shows it, from its records and its state file: plain JSON, computed again only where a log has grown."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beamline.campaign import Campaign
from beamline.campaign.asked import asked_path, may_ask, read_asked
from beamline.campaign.history import campaign_history, first_run
from beamline.campaign.question import Question, open_question
from beamline.campaign.state_file import state_path
from beamline.optimize import OptimizerStatus
from beamline.recipe import Observation, Suggestion, as_plain
from beamline.records import CouponRecord, Ledger, Records, Run, is_held, session_lock
from beamline.report.measured import measured
from beamline.web.belief import best_plain, convergence_plain, suggestion_plain
from beamline.web.coupon import coupon_plain, furnace_plain, latest_spectrum, site_plain
from beamline.web.now import now_plain, time_plain
from beamline.web.plain import finite, objective_plain
from beamline.web.question import question_plain
from beamline.web.troubles import troubles_plain

__all__ = ["NightReader"]


@dataclass(frozen=True)
class Decided:
    """What a decision run holds, parsed."""

    run: Run
    status: OptimizerStatus
    ingested: tuple[Observation, ...]
    suggestion: Suggestion | None
    next_suggestion: Suggestion | None


class NightReader:
    """Reads one campaign; a log that has not changed is read once.

    Args:
        records: where the runs are.
        uid: of the campaign, whole.

    Raises:
        LookupError: there is no such campaign.
    """

    def __init__(self, records: Records, uid: str) -> None:
        self.uid = uid
        self._records = records
        self._first = first_run(records, uid)
        self._lock = threading.Lock()
        self._runs: dict[Path, tuple[tuple[int, int], Run]] = {}
        self._stamp: object = None
        self._last: dict[str, Any] = {}
        self._decided: dict[str, Decided] = {}
        self._ledgers: dict[str, tuple[tuple[tuple[Path, tuple[int, int]], ...], CouponRecord]] = {}
        self.name = str(self._first.start["campaign"]["name"])
        file = self._first.start.get("campaign_file")
        self.campaign = None if file is None else Campaign.model_validate_json(json.dumps(file))

    # ------------------------------------------------------------------------------------------------------- for pages
    def snapshot(self) -> dict[str, Any]:
        """All of the night that fits a screen: state, times, coupons, convergence, best recipe, suggestion, troubles."""
        with self._lock:
            runs = self._read()
            folder = self._records.folder
            question = open_question(folder, self.uid)
            stamp = (
                tuple(stamp for stamp, _ in self._runs.values()),
                *(_stamp_of(path(folder, self.uid)) for path in (state_path, asked_path)),
                is_held(session_lock(folder)),
                None if question is None else (question.number, question.until),
            )
            if stamp != self._stamp:
                self._stamp, self._last = stamp, self._snapshot(runs, question)
            return self._last

    def coupon(self, serial: str) -> dict[str, Any] | None:
        """One coupon in detail: its furnace curve and its newest spectrum; None where the campaign has none such."""
        with self._lock:
            runs = self._of_coupon(self._read(), serial)
            if not runs:
                return None
            return {
                "serial": serial,
                "furnace": furnace_plain(runs, self._begin_s),
                "spectrum": latest_spectrum(runs, self._objective(), self._begin_s),
            }

    def site(self, serial: str, name: str) -> dict[str, Any] | None:
        """One site in detail: recipe, outcome, spectrum, history; None where the campaign has none such."""
        with self._lock:
            runs = self._of_coupon(self._read(), serial)
            if not runs:
                return None
            record = self._ledger(serial, runs)
            if name not in record.sites:
                return None
            decisions = self._decisions(self._read())
            return site_plain(
                record,
                name,
                runs,
                observation=_seen(decisions).get((serial, name)),
                suggestions=[d.suggestion for d in decisions if d.suggestion is not None],
                objective=self._objective(),
                begin_s=self._begin_s,
            )

    # --------------------------------------------------------------------------------------------------------- the parts
    @property
    def _begin_s(self) -> float:
        return float(self._first.start["clock_s"])

    def _objective(self) -> Any:
        return None if self.campaign is None else self.campaign.objective

    def _snapshot(self, runs: Sequence[Run], question: Question | None) -> dict[str, Any]:
        decisions = self._decisions(runs)
        seen = _seen(decisions)
        statuses = [d.status for d in decisions]
        if question is not None:  # it has learnt what stands in no document before somebody has decided
            seen |= {(o.site.coupon, o.site.name): o for o in question.learnt}
            statuses.append(question.status)
        history = campaign_history(self._records, self.uid)
        asked = read_asked(self._records.folder, self.uid)
        instrument = dict(self._first.start.get("instrument") or {"name": "imported", "kind": "import"})
        coupons = self._coupons(runs, seen)
        state = as_plain(history.state)
        now = now_plain(runs, is_over=state["kind"] in ("stopped", "done", "failed"))
        last = decisions[-1] if decisions else None
        objective = self._objective()
        plain: dict[str, Any] = finite(
            {
                "name": history.name,
                "uid": self.uid,
                "instrument": {"name": instrument.get("name", ""), "kind": instrument.get("kind", "")},
                "start_time": history.start_time,
                "version": str((self._first.start.get("versions") or {}).get("vitrail", "")),
                "optimizer": None if self.campaign is None else self.campaign.optimizer.kind,
                "seed": None if self.campaign is None else self.campaign.seed,
                "objective": objective_plain(objective),
                "state": state,
                "asked": None if asked is None else as_plain(asked),
                "may_ask": may_ask(history.state.kind, asked),
                "clock_s": history.clock_s,
                "n_coupons": history.n_coupons,
                "n_coupons_max": history.n_coupons_max,
                "n_sites_measured": history.n_sites_measured,
                "now": now,
                "time": time_plain(runs, history, self._first, now),
                "coupons": coupons,
                "convergence": convergence_plain(runs, statuses, list(seen.values()), self.campaign, self._begin_s),
                "best": best_plain(statuses[-1] if statuses else None, runs, objective),
                "question": None if question is None else question_plain(question),
                "suggestion": None if last is None else self._suggested(last),
                "troubles": troubles_plain(runs, coupons, self._begin_s),
                "n_runs": len(runs),
            }
        )
        return plain

    def _suggested(self, last: Decided) -> dict[str, Any] | None:
        chosen, is_next = last.suggestion, False
        if chosen is None:
            chosen, is_next = last.next_suggestion, True
        return None if chosen is None else suggestion_plain(chosen, str(last.run.start["reason"]), is_next=is_next)

    def _coupons(self, runs: Sequence[Run], seen: dict[tuple[str, str], Observation]) -> list[dict[str, Any]]:
        serials = dict.fromkeys(
            str(run.start["coupon"]["serial"]) for run in runs if run.start.get("coupon") and run.start.get("sites")
        )
        for run in runs:  # one that is decided upon, and not begun
            if run.start["purpose"] == "decision" and run.start.get("suggestion"):
                serials[str(run.start["suggestion"]["coupon"]["serial"])] = None
        found = []
        for serial in serials:
            own = self._of_coupon(runs, serial)
            numbers = {
                name: measured(observation, self.campaign.objective)
                for (coupon, name), observation in seen.items()
                if coupon == serial and self.campaign is not None
            }
            found.append(coupon_plain(self._ledger(serial, own), own, numbers))
        return found

    # ----------------------------------------------------------------------------------------------------------- reading
    def _read(self) -> list[Run]:
        """The runs of the campaign in their order; those whose files have not changed are the same objects as before."""
        kept: dict[Path, tuple[tuple[int, int], Run]] = {}
        runs = []
        for run in self._records.runs(campaign=self.uid):
            stamp = _stamp_of(run.path)
            if stamp is None:
                continue
            known = self._runs.get(run.path)
            kept[run.path] = known if known is not None and known[0] == stamp else (stamp, run)
            runs.append(kept[run.path][1])
        self._runs = kept
        return runs

    def _of_coupon(self, runs: Sequence[Run], serial: str) -> list[Run]:
        return [run for run in runs if (run.start.get("coupon") or {}).get("serial") == serial]

    def _ledger(self, serial: str, runs: Sequence[Run]) -> CouponRecord:
        stamp = tuple((run.path, self._runs[run.path][0]) for run in runs)
        known = self._ledgers.get(serial)
        if known is None or known[0] != stamp:
            known = (stamp, Ledger.of(runs).coupon(serial))
            self._ledgers[serial] = known
        return known[1]

    def _decisions(self, runs: Sequence[Run]) -> list[Decided]:
        found = []
        for run in runs:
            if run.start["purpose"] != "decision":
                continue
            if run.uid not in self._decided:
                self._decided[run.uid] = _parsed(run)
            found.append(self._decided[run.uid])
        return found


def _stamp_of(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _parsed(run: Run) -> Decided:
    start = run.start

    def suggestion(key: str) -> Suggestion | None:
        return Suggestion.model_validate_json(json.dumps(start[key])) if start.get(key) else None

    return Decided(
        run=run,
        status=OptimizerStatus.model_validate_json(json.dumps(start["state"])),
        ingested=tuple(Observation.model_validate_json(json.dumps(plain)) for plain in start["ingested"]),
        suggestion=suggestion("suggestion"),
        next_suggestion=suggestion("next_suggestion"),
    )


def _seen(decisions: Sequence[Decided]) -> dict[tuple[str, str], Observation]:
    """What was learnt, by coupon and site, in the order in which it was."""
    return {(o.site.coupon, o.site.name): o for d in decisions for o in d.ingested}
