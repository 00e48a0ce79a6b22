"""Recorded documents into any Bluesky callback, as if the runs happened again: at once, at their own pace, or faster.

From a log they are exactly what was emitted, in the same order. From the catalog they are put together again from tables and
arrays, and a `ReconstructedWarning` says so: the uids of events are new, and `compare.BY_NATURE` lists what else is.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import Any, Literal, Protocol

import numpy as np

from beamline.records.errors import RecordError
from beamline.records.reader import Document, RunLog
from beamline.records.run import Callback, Run

__all__ = ["Pacer", "ReconstructedWarning", "ReplayClock", "Source", "replay"]

Source = Any
"""A `Run`, a `RunLog`, documents, a run of the catalog's client (`catalog[uid]`), or several of these in their order."""

Times = Literal["wall", "bench"]


class ReconstructedWarning(UserWarning):
    """These documents are equal in meaning to what was emitted, and not what was emitted."""


class ReplayClock(Protocol):
    """What a paced replay waits by."""

    @property
    def now_s(self) -> float:
        """Seconds since any fixed moment."""

    def wait(self, duration_s: float) -> None:
        """Return after so many seconds; a Ctrl-C gets through."""


class _WallClock:
    def __init__(self) -> None:
        self._never = threading.Event()

    @property
    def now_s(self) -> float:
        return monotonic()

    def wait(self, duration_s: float) -> None:
        self._never.wait(duration_s)


class Pacer:
    """Waits before each document until its turn has come.

    Args:
        speed: 1 for the original pace, N for N times as fast, infinity for no waiting at all.
        times: "wall", the documents' own times; "bench", what the bench's clock said (`clock_s` of starts and events), which
            on the twin runs many times faster than the wall's.
        clock: what is waited by; the wall clock where None.

    Raises:
        ValueError: the speed is not above 0.
    """

    def __init__(self, speed: float = math.inf, times: Times = "wall", clock: ReplayClock | None = None) -> None:
        if not speed > 0:
            raise ValueError(
                f"{speed=}: allowed is any number above 0, in units of the original pace; infinity: at once"
            )
        self._speed = speed
        self._times = times
        self._clock = clock or _WallClock()
        self._begin: tuple[float, float] | None = None

    def wait_for(self, name: str, doc: dict[str, Any]) -> None:
        """Wait until a document's turn; one that has no time of its own follows at once."""
        moment_s = self._moment(name, doc)
        if moment_s is None or math.isinf(self._speed):
            return
        now_s = self._clock.now_s
        if self._begin is None:
            self._begin = (now_s, moment_s)
        left_s = self._begin[0] + (moment_s - self._begin[1]) / self._speed - now_s
        if left_s > 0:
            self._clock.wait(left_s)

    def _moment(self, name: str, doc: dict[str, Any]) -> float | None:
        on_bench = doc.get("data", {}) if name == "event" else doc
        value = doc.get("time") if self._times == "wall" else on_bench.get("clock_s")
        return float(value) if isinstance(value, int | float) else None


def replay(
    source: Source,
    callback: Callback,
    *,
    speed: float = math.inf,
    times: Times = "wall",
    clock: ReplayClock | None = None,
) -> int:
    """Hand recorded documents to a Bluesky callback.

    Args:
        source: what is replayed; see `Source`.
        callback: takes name and document; what it raises ends the replay.
        speed: 1 for the original pace, N for N times as fast, infinity for at once; gaps between runs count.
        times: by which of the recorded times; see `Pacer`.
        clock: what is waited by; the wall clock where None.

    Returns:
        How many documents were handed over.

    Warns:
        ReconstructedWarning: a run comes from the catalog.

    Raises:
        RecordError: the source is none.
        ValueError: the speed is not above 0.
    """
    pacer = Pacer(speed, times, clock)
    n_documents = 0
    for name, doc in _documents(source):
        pacer.wait_for(name, doc)
        callback(name, doc)
        n_documents += 1
    return n_documents


def _documents(source: Source) -> Iterator[Document]:
    if isinstance(source, Run | RunLog):
        yield from source.documents
    elif isinstance(source, tuple) and len(source) == 2 and isinstance(source[0], str):
        yield source[0], source[1]
    elif hasattr(source, "documents") and hasattr(source, "metadata"):
        yield from _reconstructed(source)
    elif isinstance(source, Iterable) and not isinstance(source, str | bytes | dict):
        for part in source:
            yield from _documents(part)
    else:
        raise RecordError(f"{source!r} cannot be replayed: give a Run, (name, document) pairs, or a run of the catalog")


def _reconstructed(run: Any) -> Iterator[Document]:
    """The documents of a catalog's run: arrays are arrays again, and the streams are interleaved by time."""
    warnings.warn(
        f"run {run.metadata['start']['uid']} comes from the catalog: its documents are reconstructed, not those that were "
        "emitted; its log has these",
        ReconstructedWarning,
        stacklevel=4,
    )
    keys: dict[str, dict[str, Any]] = {}
    inner: list[Document] = []
    for name, found in run.documents():
        doc = dict(found)
        if name == "start":
            yield name, doc
            continue
        if name == "descriptor":
            keys[doc["uid"]] = doc["data_keys"]
            for device in doc.get("configuration", {}).values():
                device["data"] = _with_arrays(device["data"], device["data_keys"])
        elif name == "event":
            doc["data"] = _with_arrays(doc["data"], keys[doc["descriptor"]])
            doc.setdefault("filled", {})
        elif name == "stop":
            yield from sorted(inner, key=lambda document: float(document[1].get("time", math.inf)))
            inner.clear()
            yield name, doc
            continue
        inner.append((name, doc))
    yield from inner  # of a run without an end


def _with_arrays(data: dict[str, Any], data_keys: dict[str, Any]) -> dict[str, Any]:
    return {
        key: np.asarray(value, dtype=data_keys[key].get("dtype_numpy") or None)
        if isinstance(value, list) and data_keys.get(key, {}).get("dtype") == "array"
        else value
        for key, value in data.items()
    }
