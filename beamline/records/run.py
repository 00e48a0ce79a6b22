"""One run, read from its log: its documents, and its streams as arrays with units."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from beamline.records.errors import RecordError
from beamline.records.frames import Damage
from beamline.records.layout import uid_of
from beamline.records.locks import is_held
from beamline.records.reader import Document, Ends, RunLog, read_ends, read_run

__all__ = ["Callback", "Quantities", "Run", "events_of"]

Callback = Callable[[str, dict[str, Any]], object]
"""What Bluesky calls a callback: takes the name of a document and the document."""


@dataclass(frozen=True)
class Quantities(Mapping[str, Any]):
    """Named values with their units; a stream's columns are arrays whose first axis is the event.

    Attributes:
        values_by_name: what `[...]` looks up.
        units: unit of each name; an empty string where none is declared.
    """

    values_by_name: dict[str, Any]
    units: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        try:
            return self.values_by_name[name]
        except KeyError:
            raise KeyError(f"{name!r} is not among {sorted(self.values_by_name)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name)


class Run:
    """A run as its log holds it. The file is read when documents are first asked for, and once.

    A run that is still being written is seen as it was at that moment; ask `Records.run` again for a later view.

    Args:
        path: the log file.
        ends: its start and stop documents, where they are known already.
    """

    def __init__(self, path: Path | str, ends: Ends | None = None) -> None:
        self.path = Path(path)
        self._ends = ends if ends is not None else read_ends(self.path)

    @classmethod
    def of_documents(cls, documents: Iterable[Document], path: Path | str = "") -> Run:
        """A run of documents that are at hand already, replayed ones for example; it has no file of its own."""
        documents = tuple(documents)
        log = RunLog(Path(path), documents, (), 0, len(documents))
        run = cls(log.path, Ends(log.start, log.stop))
        run.__dict__["log"] = log
        return run

    def __repr__(self) -> str:
        purpose = (self._ends.start or {}).get("purpose", "?")
        return f"<Run {self.uid[:8]} {purpose} {self.state}>"

    @property
    def start(self) -> dict[str, Any]:
        """The start document.

        Raises:
            RecordError: it is damaged.
        """
        start = self._ends.start or self.log.start
        if start is None:
            raise RecordError(f"{self.path} holds no start document; {self.log.report()}")
        return start

    @property
    def stop(self) -> dict[str, Any] | None:
        """The stop document; None where the run has not ended, or its end is lost."""
        return self._ends.stop or self.log.stop

    @property
    def uid(self) -> str:
        """The run's uid; where the start document is damaged, the file name has it."""
        start = self._ends.start or {}
        return str(start["uid"]) if "uid" in start else (uid_of(self.path) or str(self.start["uid"]))

    @property
    def state(self) -> Literal["finished", "running", "orphaned"]:
        """Whether the run has an end, a living writer, or neither."""
        if self._ends.stop is not None:
            return "finished"
        return "running" if is_held(self.path) else "orphaned"

    @cached_property
    def log(self) -> RunLog:
        """The whole log file."""
        return read_run(self.path)

    @property
    def documents(self) -> tuple[Document, ...]:
        """All (name, document) in the order in which they were written."""
        return self.log.documents

    @property
    def damage(self) -> tuple[Damage, ...]:
        """What is wrong with the file; empty for a healthy one."""
        return self.log.damage

    @cached_property
    def descriptors(self) -> tuple[dict[str, Any], ...]:
        """The descriptors of all streams."""
        return tuple(doc for name, doc in self.documents if name == "descriptor")

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the streams, in the order of their first descriptor."""
        return tuple(dict.fromkeys(descriptor["name"] for descriptor in self.descriptors))

    def events(self, stream: str) -> tuple[dict[str, Any], ...]:
        """The events of a stream, as they were written; empty where there is no such stream."""
        uids = {descriptor["uid"] for descriptor in self.descriptors if descriptor["name"] == stream}
        return tuple(event for event in self._all_events if event["descriptor"] in uids)

    def table(self, stream: str) -> Quantities:
        """The columns of a stream: `seq_num`, `time` (wall clock) and its data, each (n_events, *shape of the value).

        Raises:
            RecordError: the run has no such stream.
        """
        descriptor = self._descriptor(stream)
        events = self.events(stream)
        columns = {
            "seq_num": np.array([event["seq_num"] for event in events], dtype=np.int64),
            "time": np.array([event["time"] for event in events], dtype=np.float64),
        }
        units = {"seq_num": "", "time": "s"}
        for key, about in descriptor["data_keys"].items():
            columns[key] = _column([event["data"][key] for event in events if key in event["data"]], about)
            units[key] = str(about.get("units") or "")
        return Quantities(columns, units)

    def config(self, stream: str) -> Quantities:
        """The configuration of all devices of a stream, by data key, as it was when the stream began.

        Raises:
            RecordError: the run has no such stream.
        """
        values: dict[str, Any] = {}
        units: dict[str, str] = {}
        for device in self._descriptor(stream).get("configuration", {}).values():
            values.update(device.get("data", {}))
            units.update({key: str(about.get("units") or "") for key, about in device.get("data_keys", {}).items()})
        return Quantities(values, units)

    @cached_property
    def _all_events(self) -> tuple[dict[str, Any], ...]:
        return tuple(event for name, doc in self.documents for event in events_of(name, doc))

    def _descriptor(self, stream: str) -> dict[str, Any]:
        for descriptor in self.descriptors:
            if descriptor["name"] == stream:
                return descriptor
        raise RecordError(f"run {self.uid} has no stream {stream!r}; it has {list(self.streams)}")


def events_of(name: str, doc: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """The events of an event or of an event page; none of any other document."""
    if name == "event":
        return (doc,)
    if name == "event_page":
        from event_model import unpack_event_page  # noqa: PLC0415  # heavy, and our own plans write no pages

        pages: Iterable[dict[str, Any]] = unpack_event_page(doc)
        return pages
    return ()


def _column(values: list[Any], about: dict[str, Any]) -> npt.NDArray[Any]:
    """Values of one data key, (n_events, *shape); arrays of different shapes stay apart, in an object array."""
    if not values:
        return np.empty((0, *about.get("shape", ())), dtype=about.get("dtype_numpy") or None)
    if len({np.shape(value) for value in values}) > 1:
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return column
    return np.array(values)
