"""The embedded Tiled catalog, from the outside: its owner process, and a client that any process may open.

Nothing here imports the server side of Tiled, and nothing imports Tiled at all before `open_catalog` is called.
"""

from __future__ import annotations

import atexit
import contextlib
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Final, Self

from beamline.records.endpoint import Endpoint, is_owned, live_endpoint
from beamline.records.errors import CatalogError
from beamline.records.ingest import Backlog, Ingested, IngestState
from beamline.records.layout import Layout

__all__ = ["CatalogOwner", "FlushReport", "close_catalog", "open_catalog"]

_POLL_S: Final = 0.05
_EXIT_FAILED: Final = 1
_MAX_STARTS: Final = 3


@dataclass(frozen=True)
class FlushReport:
    """What is in the catalog after a flush.

    Attributes:
        n_in: how many runs are in.
        failed: those that could not be ingested, and why.
        damaged: those that are in with the readable part of a damaged log.
    """

    n_in: int
    failed: tuple[Ingested, ...] = ()
    damaged: tuple[Ingested, ...] = ()


class CatalogOwner:
    """Starts and ends the process that owns a catalog; the engine's process does not import Tiled for it.

    Where another process owns the catalog already (somebody looks at it), that one ingests, and this one takes over
    when it has ended and something is to be ingested.

    Args:
        folder: the record folder.
        poll_s: how often the owner looks for finished logs, s.
    """

    def __init__(self, folder: Path | str, *, poll_s: float = 0.5) -> None:
        if not 0.01 <= poll_s <= 60.0:
            raise ValueError(f"{poll_s=}: allowed are 0.01 to 60 s")
        self._layout = Layout.of(folder)
        self._poll_s = poll_s
        self._process: subprocess.Popen[bytes] | None = None
        self._n_starts = 0

    @property
    def log_path(self) -> Path:
        """What the owner says."""
        return self._layout.catalog / "owner.log"

    @property
    def is_running(self) -> bool:
        """Whether the process that was started here lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Its process id, or None where it does not run."""
        return self._process.pid if self._process is not None and self.is_running else None

    def start(self) -> Self:
        """Start the process; returns at once, while it makes the catalog in the background (some 5 s)."""
        if self.is_running:
            return self
        self._reap()
        self._layout.catalog.mkdir(parents=True, exist_ok=True)
        # -P: a module in the working folder must not stand in for one of ours.
        command = [sys.executable, "-P", "-m", "beamline.records.owner", str(self._layout.folder)]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                [*command, "--poll-s", str(self._poll_s)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C in the terminal is not for the owner
            )
        self._n_starts += 1
        return self

    def wait_ready(self, timeout_s: float = 60.0) -> Endpoint:
        """Wait until the catalog is served, by whoever owns it.

        Raises:
            CatalogError: it is not within the time, or its owner has failed.
        """
        waiting = _Deadline(timeout_s)
        while True:
            endpoint = live_endpoint(self._layout)
            if endpoint is not None:
                return endpoint
            self._keep_owned()
            waiting.turn(f"the catalog of {self._layout.folder} is not served yet; see {self.log_path}")

    def flush(self, timeout_s: float = 300.0) -> FlushReport:
        """Wait until each finished log is in the catalog, or has failed to be.

        Raises:
            CatalogError: it is not within the time, or the owner has failed.
        """
        backlog = Backlog(self._layout)
        waiting = _Deadline(timeout_s)
        self._nudge()
        while pending := backlog.pending():
            self._keep_owned()
            waiting.turn(f"{len(pending)} finished runs are not in the catalog yet; see {self.log_path}")
        entries = IngestState(self._layout).entries().values()
        return FlushReport(
            n_in=sum(entry.status == "in" for entry in entries),
            failed=tuple(entry for entry in entries if entry.status == "failed"),
            damaged=tuple(entry for entry in entries if entry.status == "in" and entry.reason),
        )

    def stop(self, timeout_s: float = 120.0) -> None:
        """Let the owner ingest what is finished, and end; without waiting longer than `timeout_s`.

        An owner that takes longer is asked to end after the run that it is at; the rest is ingested at the next start.
        """
        if self._process is None:
            return
        _close_input(self._process)
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            try:
                self._process.wait(30.0)
            except subprocess.TimeoutExpired:
                self._process.kill()  # the logs are the truth; a partial run is replaced at the next start
                self._process.wait()
        self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _keep_owned(self) -> None:
        """Start the process again where nobody owns the catalog any more, a bounded number of times."""
        if self.is_running or is_owned(self._layout):
            return
        code = self._process.returncode if self._process is not None else None
        if code == _EXIT_FAILED or self._n_starts >= _MAX_STARTS:
            raise CatalogError(
                f"the owner of the catalog ended with code {code}; the logs are whole, and the catalog is made anew from "
                f"them when the folder {self._layout.catalog} is removed. It said:\n{self._last_words()}"
            )
        self.start()

    def _nudge(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it has just ended; `_keep_owned` finds out why
                self._process.stdin.write(b"look\n")
                self._process.stdin.flush()

    def _reap(self) -> None:
        if self._process is not None:
            _close_input(self._process)
            self._process = None

    def _last_words(self) -> str:
        try:
            return "\n".join(self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        except FileNotFoundError:
            return f"(there is no {self.log_path})"


_owners: dict[Path, CatalogOwner] = {}
"""Owners that `open_catalog` has started in this process: they live as long as it does."""


def open_catalog(folder: Path | str, *, timeout_s: float = 60.0) -> Any:
    """A Tiled client of the catalog: connects to the living owner, else starts one that lives as long as this process.

    The client is what users of `databroker` and `tiled` know: `catalog[-1]`, `catalog[uid]`, `catalog.v1`,
    `catalog.search(Key("purpose") == "measurement")`.

    Args:
        folder: the record folder.
        timeout_s: how long to wait for an owner that is starting, s.

    Raises:
        CatalogError: there are no records, or the catalog cannot be opened within the time.
    """
    from tiled.client import from_uri  # noqa: PLC0415  # heavy, and only a reader needs it

    layout = Layout.of(folder)
    if not layout.logs.is_dir() and not layout.catalog.is_dir():
        raise CatalogError(
            f"{layout.folder} holds no records: no folder {layout.logs.name!r} or {layout.catalog.name!r}"
        )
    endpoint = live_endpoint(layout)
    if endpoint is None:
        if layout.folder not in _owners:
            _owners[layout.folder] = CatalogOwner(layout.folder)
        endpoint = _owners[layout.folder].wait_ready(timeout_s)
    return from_uri(endpoint.url, api_key=endpoint.api_key, trust_env=False)  # a proxy has no business on loopback


def close_catalog(folder: Path | str) -> None:
    """End the owner that `open_catalog` has started in this process, if it has."""
    owner = _owners.pop(Layout.of(folder).folder, None)
    if owner is not None:
        owner.stop()


@atexit.register
def _close_all() -> None:
    for folder in tuple(_owners):
        close_catalog(folder)


class _Deadline:
    """Bounded waiting in short turns."""

    def __init__(self, timeout_s: float) -> None:
        self._end = monotonic() + timeout_s
        self._timeout_s = timeout_s
        self._never = threading.Event()

    def turn(self, what: str) -> None:
        if monotonic() > self._end:
            raise CatalogError(f"waited {self._timeout_s:g} s: {what}")
        self._never.wait(_POLL_S)


def _close_input(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
