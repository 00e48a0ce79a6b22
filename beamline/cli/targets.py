"""What replayed documents go into: each a Bluesky callback, and its last words when the documents are over."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beamline.cli.options import refuse

if TYPE_CHECKING:
    from beamline.optimize import Optimizer
    from beamline.records import Records, Run

__all__ = ["AgentFeed", "AnalysisTable", "RunCollector", "StreamTables", "target"]

Callback = Callable[[str, dict[str, Any]], object]
Made = Callable[[], dict[str, Any]]
"""What came of the documents, as plain JSON types, once they are over."""


@contextmanager
def target(
    into: str, out: Path | None, records: Records, found: Sequence[Run], *, as_json: bool = False
) -> Iterator[tuple[Callback, Made]]:
    """The callback of a name, and what came of the documents, which is said in words too unless as JSON.

    Args:
        into: the name.
        out: folder of what writes files.
        records: where the runs are from.
        found: the runs that will come.
        as_json: say nothing.
    """
    say: Callable[[str], object] = (lambda _line: None) if as_json else click.echo
    if as_json and into in ("table", "bec"):
        refuse(f"--into {into} draws tables for people: with --json give --into analysis, agent, log or report")
    match into:
        case "table":
            yield StreamTables(), dict
        case "bec":
            from bluesky.callbacks.best_effort import BestEffortCallback

            shown = BestEffortCallback()
            shown.disable_plots()
            yield shown, dict
        case "analysis":
            table = AnalysisTable(say)
            yield table, lambda: {"runs": table.rows}
        case "agent":
            feed = AgentFeed(records, say)
            yield feed, lambda: {"coupons": feed.rows}
        case _:
            if out is None:
                refuse(f"--into {into} writes files: say where with --out")
            with _writing(into, out, records, found, say) as both:
                yield both


@contextmanager
def _writing(
    into: str, out: Path, records: Records, found: Sequence[Run], say: Callable[[str], object]
) -> Iterator[tuple[Callback, Made]]:
    from beamline.records import LogWriter

    if into == "log":
        if out.resolve() == records.folder.resolve():
            refuse(f"--out {out}: these are the records that are replayed; give another folder")
        with LogWriter(out) as log:
            yield log, lambda: {"logs": str(out)}
            say(f"logs are in {out}")
        return
    with tempfile.TemporaryDirectory() as folder, LogWriter(folder) as log:

        def made() -> dict[str, Any]:
            pages = []
            for page in _reports(Path(folder), out, found):
                say(f"report:  {page}")
                pages.append(str(page))
            return {"reports": pages}

        yield log, made


def _reports(folder: Path, out: Path, found: Sequence[Run]) -> Iterator[Path]:
    """The reports of the campaigns that were replayed, made from what has arrived."""
    from beamline.report import write_report

    uids = dict.fromkeys(str(run.start["campaign"]["uid"]) for run in found if run.start.get("purpose") == "campaign")
    if not uids:
        refuse("no whole campaign among these runs, and a report is of one: give --campaign")
    for uid in uids:
        yield write_report(folder, uid, out / uid[:8] if len(uids) > 1 else out)


class RunCollector(ABC):
    """Hands over each run when it has ended."""

    def __init__(self) -> None:
        self._open: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self._run_of: dict[str, str] = {}

    def __call__(self, name: str, doc: dict[str, Any]) -> None:
        """Take a document."""
        from beamline.records import Run

        if name == "start":
            self._run_of[doc["uid"]] = doc["uid"]
            self._open[doc["uid"]] = []
        key = doc["uid"] if name == "start" else doc.get("run_start") or doc.get("descriptor") or ""
        uid = self._run_of.get(key)
        if uid is None:
            return
        if name == "descriptor":
            self._run_of[doc["uid"]] = uid
        self._open[uid].append((name, doc))
        if name == "stop":
            self.take(Run.of_documents(self._open.pop(uid)))

    @abstractmethod
    def take(self, run: Run) -> None:
        """A run that has ended."""


class StreamTables:
    """Bluesky's live table for each stream of each run: all its scalars."""

    def __init__(self) -> None:
        self._start: dict[str, Any] = {}
        self._tables: dict[str, Any] = {}

    def __call__(self, name: str, doc: dict[str, Any]) -> None:
        """Take a document."""
        if name == "start":
            self._start, self._tables = doc, {}
            coupon = doc.get("coupon", {}).get("serial", "")
            click.echo(f"\nrun {doc['uid'][:8]}  {doc.get('purpose') or doc.get('plan_name', '')}  {coupon}".rstrip())
        elif name == "descriptor":
            self._tables[doc["uid"]] = self._table(doc)
        elif name == "event" and doc["descriptor"] in self._tables:
            self._tables[doc["descriptor"]](name, doc)
        elif name == "stop":
            for table in self._tables.values():
                table(name, doc)

    def _table(self, descriptor: dict[str, Any]) -> Any:
        from bluesky.callbacks import LiveTable

        fields = [key for key, about in descriptor["data_keys"].items() if not about.get("shape")]
        click.echo(f"stream {descriptor['name']}")
        stream = descriptor["name"]  # the rows of two streams may alternate: each says whose it is
        table = LiveTable(
            fields, stream_name=stream, out=lambda line: click.echo(f"{stream:<10} {line}" if line.strip() else "")
        )
        table("start", self._start)
        table("descriptor", descriptor)
        return table


class AnalysisTable(RunCollector):
    """The present analysis of each measurement run, a line a site.

    Args:
        say: takes each line.
    """

    def __init__(self, say: Callable[[str], object]) -> None:
        super().__init__()
        self._say = say
        self.rows: list[dict[str, Any]] = []
        """A run each, as plain JSON types."""

    def take(self, run: Run) -> None:
        """Analyse a measurement run."""
        from beamline.campaign.observations import outcomes_of
        from beamline.cli.hindsight import outcome_words
        from beamline.recipe import as_plain

        if run.start.get("purpose") != "measurement":
            return
        serial, outcomes = run.start["coupon"]["serial"], outcomes_of(run)
        self.rows.append(
            {"run": run.uid, "coupon": serial, "sites": {site: as_plain(one) for site, one in outcomes.items()}}
        )
        self._say(f"run {run.uid[:8]}  coupon {serial}")
        for site, outcome in outcomes.items():
            self._say(f"  {site:<6} {outcome_words(outcome)}")


class AgentFeed(RunCollector):
    """The optimiser of the runs' campaign, which learns each coupon when its measurement has ended.

    Args:
        records: where the campaign is described.
        say: takes a line for each coupon.
    """

    def __init__(self, records: Records, say: Callable[[str], object]) -> None:
        super().__init__()
        self._say = say
        self.rows: list[dict[str, Any]] = []
        """A coupon each, as plain JSON types."""
        self._records = records
        self._optimizers: dict[str, Optimizer] = {}
        self._runs: dict[tuple[str, str], list[Run]] = {}

    def take(self, run: Run) -> None:
        """Learn from a coupon."""
        from beamline.campaign.observations import observations_of

        if run.start.get("purpose") not in ("writing", "heat_treatment", "measurement"):
            return
        uid, serial = str(run.start["campaign"]["uid"]), str(run.start["coupon"]["serial"])
        runs = self._runs.setdefault((uid, serial), [])
        runs.append(run)
        if run.start["purpose"] != "measurement":
            return
        optimizer = self._optimizer(uid)
        optimizer.ingest(observations_of(runs))
        status = optimizer.status()
        best = status.best.observation.site if status.best else None
        best_site = f"best {best.coupon} {best.name}" if best else "nothing luminesced yet"
        self.rows.append(
            {
                "campaign": uid,
                "coupon": serial,
                "n_observations": status.n_observations,
                "p_reached": status.p_reached,
                "best": {"coupon": best.coupon, "site": best.name} if best else None,
            }
        )
        self._say(
            f"coupon {serial}: {status.n_observations} observations, P(specification reached) = {status.p_reached:.3f}, "
            f"{best_site}"
        )

    def _optimizer(self, uid: str) -> Optimizer:
        from beamline.decisions import campaign_of
        from beamline.night import optimizer_of

        if uid not in self._optimizers:
            self._optimizers[uid] = optimizer_of(campaign_of(self._records, uid)[0])
        return self._optimizers[uid]
