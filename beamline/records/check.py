"""Proof that the catalog says what the logs say: run by run, event by event, array by array.

The log is the truth. What it holds is compared with what a reader of the catalog gets, exactly; `compare.BY_NATURE` lists
what the catalog cannot hold and is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from beamline.records.compare import Unequal, descriptor_differences, value_differences
from beamline.records.ingest import IngestState
from beamline.records.layout import Layout
from beamline.records.nodes import StoredStream, stored_streams
from beamline.records.run import Run
from beamline.records.store import Records

__all__ = ["CheckReport", "Difference", "check_catalog", "check_logs"]

_EXTERNAL = frozenset({"resource", "datum", "datum_page", "stream_resource", "stream_datum"})
_RESERVED = frozenset({"time", "seq_num"})
"""Data keys that the catalog's writer gives a `_` at the end."""


@dataclass(frozen=True)
class Difference:
    """One thing that the catalog says otherwise than the log.

    Attributes:
        uid: of the run.
        key: of the document's part or the data key; empty where the run as a whole differs.
        detail: what each of the two says.
        stream: empty where it is not about a stream.
        seq_num: of the event; None where it is not about one.
    """

    uid: str
    key: str
    detail: str
    stream: str = ""
    seq_num: int | None = None

    def __str__(self) -> str:
        parts = [f"run {self.uid}"]
        if self.stream:
            parts.append(f"stream {self.stream}")
        if self.seq_num is not None:
            parts.append(f"seq_num {self.seq_num}")
        if self.key:
            parts.append(self.key)
        return f"{', '.join(parts)}: {self.detail}"


@dataclass
class CheckReport:
    """What was compared, and what differs.

    Attributes:
        n_runs: in the logs.
        n_running: of which are still being written: their turn comes when they have ended.
        n_compared: runs of which both the log and the catalog were read.
        n_documents: start, stop and descriptor documents compared.
        n_events: compared.
        n_values: values of events compared, their timestamps not counted.
        n_arrays: values that are arrays, among them.
        n_external: documents of data in outside files, which are not compared.
        damage: a line for each damage in a log and each run without an end.
        differences: between log and catalog.
    """

    n_runs: int = 0
    n_running: int = 0
    n_compared: int = 0
    n_documents: int = 0
    n_events: int = 0
    n_values: int = 0
    n_arrays: int = 0
    n_external: int = 0
    damage: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether every log is whole, and the catalog equals them."""
        return not self.damage and not self.differences


def check_catalog(folder: Path | str, client: Any, *, is_shared: bool = False) -> CheckReport:
    """Compare every finished run of the logs with the catalog.

    Args:
        folder: the record folder.
        client: Tiled client of the catalog, whoever serves it; finished runs have been ingested (`CatalogOwner.flush`).
        is_shared: whether runs of other folders may be in it; they are not looked at.
    """
    report, runs = CheckReport(), Records(folder).runs_and_wrecks()
    failed = {uid: entry.reason for uid, entry in IngestState(Layout.of(folder)).entries().items() if entry.reason}
    known = {run.uid for run in runs}
    report.differences += [
        Difference(str(uid), "", "it is in the catalog, and there is no log of it")
        for uid in (() if is_shared else client)
        if uid not in known
    ]
    for run in runs:
        if not _is_whole(run, report):
            continue
        node = client.get(run.uid)
        if node is None:
            why = failed.get(run.uid)
            said = f"it is not in the catalog{': ' + why if why else ''}"
            report.differences.append(Difference(run.uid, "", said))
            continue
        _check_run(run, node, report)
    return report


def check_logs(folder: Path | str) -> CheckReport:
    """Read every log; say what is damaged, what has no end, and what is in a log twice. The catalog is not asked."""
    report = CheckReport()
    for run in Records(folder).runs_and_wrecks():
        if _is_whole(run, report):
            report.differences += _repeated(run)
    return report


def _is_whole(run: Run, report: CheckReport) -> bool:
    """Count a run and note its damage; whether it has come to an end that can be read."""
    report.n_runs += 1
    if run.state == "running":
        report.n_running += 1
        return False
    report.damage += run.log.report().splitlines()
    if run.state == "orphaned":
        report.damage.append(f"{run.path}: the run has no end, and nobody is writing it; the next session gives it one")
        return False
    return True


def _check_run(run: Run, node: Any, report: CheckReport) -> None:
    report.n_compared += 1
    report.n_external += sum(name in _EXTERNAL for name, _doc in run.documents)
    report.differences += _repeated(run)
    metadata = node.metadata
    for name, doc in (("start", run.log.start), ("stop", run.log.stop)):
        report.n_documents += 1
        report.differences += _named(run, value_differences(doc, metadata.get(name)), prefix=name)
    streams = stored_streams(node)
    for name in [*run.streams, *(name for name in streams if name not in run.streams)]:
        if name not in streams:
            report.differences.append(Difference(run.uid, "", "the catalog does not have it", name))
        elif name not in run.streams:
            report.differences.append(Difference(run.uid, "", "the log does not have it", name))
        else:
            _check_stream(run, name, streams[name], report)


def _repeated(run: Run) -> Iterator[Difference]:
    """A document that is in a log twice."""
    seen: set[tuple[str, str]] = set()
    for name, doc in run.documents:
        uid = doc.get("uid")
        if isinstance(uid, str):
            if (name, uid) in seen:
                yield Difference(run.uid, "uid", f"{name} document {uid} is in the log twice")
            seen.add((name, uid))


def _check_stream(run: Run, stream: str, stored: StoredStream, report: CheckReport) -> None:
    descriptors = [descriptor for descriptor in run.descriptors if descriptor["name"] == stream]
    metadata = stored.metadata
    report.n_documents += len(descriptors)
    found = list(descriptor_differences(descriptors[0], metadata))
    updates = [{key: doc[key] for key in ("uid", "time", "configuration") if doc.get(key)} for doc in descriptors[1:]]
    found += value_differences(updates, list(metadata.get("_config_updates", [])), "later descriptors")
    report.differences += _named(run, found, stream=stream, prefix="descriptor")
    events = run.events(stream)
    report.n_events += len(events)
    report.differences += _event_differences(run, stream, events, stored.columns(), report)


def _event_differences(
    run: Run, stream: str, events: tuple[dict[str, Any], ...], columns: Mapping[str, Any], report: CheckReport
) -> Iterator[Difference]:
    if not events and not columns:
        return
    numbers = columns.get("seq_num", np.empty(0, dtype=int))
    if [event["seq_num"] for event in events] != list(numbers):
        detail = f"{len(events)} events in the log, {len(numbers)} in the catalog"
        if len(events) == len(numbers):
            detail = "the events stand in another order, or under other numbers"
        yield Difference(run.uid, "seq_num", detail, stream)
        return
    n_seen = dict.fromkeys(columns, 0)
    for index, event in enumerate(events):
        report.n_values += len(event["data"])
        report.n_arrays += sum(np.ndim(value) > 0 for value in event["data"].values())
        for key, name, value in _cells(event):
            if name not in columns:
                yield Difference(run.uid, key, "the catalog has no such column", stream, event["seq_num"])
                continue
            column = columns[name]
            # An array that an event lacks has no row in the catalog's array; a number that it lacks is a null.
            at = n_seen[name] if np.ndim(value) > 0 else index
            n_seen[name] = at + 1
            inside = column[at] if at < len(column) else None
            yield from _named(
                run, value_differences(value, inside), stream=stream, seq_num=event["seq_num"], prefix=key
            )


def _cells(event: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """What an event holds: for each value its key, the name of its column in the catalog, and the value."""
    yield "time", "time", event["time"]
    for key, value in event["data"].items():
        yield key, f"{key}_" if key in _RESERVED else key, value
    for key, stamp in event["timestamps"].items():
        name = f"{key}_" if key in _RESERVED else key
        yield f"timestamp of {key}", f"ts_{name}", stamp


def _named(
    run: Run, unequal: Iterator[Unequal] | list[Unequal], *, prefix: str, stream: str = "", seq_num: int | None = None
) -> Iterator[Difference]:
    for key, detail in unequal:
        joint = "" if not key or key.startswith("[") else "."
        yield Difference(run.uid, f"{prefix}{joint}{key}", detail, stream, seq_num)
