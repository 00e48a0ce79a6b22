"""The runs of a record folder into a Tiled server that others serve: from the logs, which are the truth.

Nothing is kept about how far it came: the server knows which runs it has whole. So it may be killed and begun again,
here or on another machine, and again when new nights have been recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from beamline.records.ingest import check_log, find_run, write_log
from beamline.records.nodes import stored_streams
from beamline.records.run import Run
from beamline.records.store import Records

__all__ = ["Migrated", "Migration", "migrate"]


@dataclass(frozen=True)
class Migrated:
    """What became of one run.

    Attributes:
        uid: of the run.
        status: `copied` now, `present` already, `failed`, or `skipped` because it has no end.
        n_events: how many events were compared with the log.
        reason: why it failed or was skipped, or what is damaged in its log.
    """

    uid: str
    status: Literal["copied", "present", "failed", "skipped"]
    n_events: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Migration:
    """What became of all runs, in the order of their start."""

    runs: tuple[Migrated, ...] = field(default=())

    def count(self, status: str) -> int:
        """How many runs have a status."""
        return sum(run.status == status for run in self.runs)

    @property
    def n_events(self) -> int:
        """How many events were compared."""
        return sum(run.n_events for run in self.runs)


def migrate(
    folder: Path | str, client: Any, *, on_run: Callable[[Migrated], object] = lambda _run: None, recheck: bool = False
) -> Migration:
    """Copy what the server does not have, and compare what was copied, value by value.

    A run that is there without its end (an earlier migration was killed) is taken out and copied anew. A failure stops
    nothing else.

    Args:
        folder: the record folder; it is only read.
        client: Tiled client of the server's catalog, with a key that may write.
        on_run: told of each run as it is done.
        recheck: whether to compare those too that were there already.
    """
    done = []
    for run in Records(folder).runs():
        outcome = _one(run, client, recheck=recheck)
        on_run(outcome)
        done.append(outcome)
    return Migration(tuple(done))


def _one(run: Run, client: Any, *, recheck: bool) -> Migrated:
    if run.state != "finished":
        return Migrated(run.uid, "skipped", 0, f"it is {run.state}: it has no end yet")
    try:
        log = run.log
        check_log(log, run.uid)
        present = find_run(client, run.uid)
        is_whole = present is not None and bool(present.metadata.get("stop"))
        if not is_whole:
            if present is not None:
                client.delete_contents(run.uid, recursive=True, external_only=False)
            write_log(client, log)
        if is_whole and not recheck:
            return Migrated(run.uid, "present")
        differences = list(_differences(run, find_run(client, run.uid)))
    except Exception as error:  # noqa: BLE001  # whatever one run provokes must not keep the others out
        return Migrated(run.uid, "failed", 0, f"{type(error).__name__}: {error}")
    if differences:
        return Migrated(run.uid, "failed", 0, "; ".join(differences))
    n_events = sum(len(run.events(stream)) for stream in run.streams)
    return Migrated(run.uid, "present" if is_whole else "copied", n_events, log.report())


def _differences(run: Run, node: Any) -> Iterator[str]:
    """In what the server's copy differs from the log: uids, streams, and each value of each event."""
    if node is None:
        yield "the server does not find it"
        return
    if node.start["uid"] != run.uid or run.stop is None or node.stop.get("uid") != run.stop["uid"]:
        yield "its start or stop is another"
    streams = stored_streams(node)
    if sorted(streams) != sorted(run.streams):
        yield f"streams {sorted(streams)} there, {sorted(run.streams)} in the log"
        return
    for stream in run.streams:
        columns = streams[stream].columns()
        for key, values in run.table(stream).items():
            if len(values) and not np.array_equal(columns.get(key, ()), values):
                yield f"stream {stream}: {key} differs"
