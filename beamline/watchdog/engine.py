"""The engine's end of a watchdog: starts it, beats from the engine's loop, and tells when it has acted."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self

from beamline.watchdog.words import BEAT, END, MOST_BYTES, SAFE, Trip, WatchdogSettings, write_settings

__all__ = ["Watchdog", "WatchdogError"]

START_S = 30.0
"""Longest time that the process may take to start and to reach laser and furnace."""

_logger = logging.getLogger(__name__)


class WatchdogError(RuntimeError):
    """There is no watchdog, or it cannot reach what it watches.

    To do: start again once the instrument answers; a bench is not run without its watchdog.
    """


class Watchdog:
    """A watchdog's process, and the beats that keep it quiet.

    The beat is a call on the engine's own loop: a loop that hangs does not beat, whatever other threads do.

    Args:
        settings: `engine_pid` is filled in.
        on_trip: called on the loop when the watchdog has acted, or is gone; must not block.
        on_beat: called on the loop before each beat, the same.
    """

    def __init__(
        self,
        settings: WatchdogSettings,
        on_trip: Callable[[Trip], None],
        on_beat: Callable[[], object] = lambda: None,
    ) -> None:
        self._settings = replace(settings, engine_pid=os.getpid())
        self._on_trip = on_trip
        self._on_beat = on_beat
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ended = threading.Event()
        self._is_gone = False  # its end of the line is closed, be it that its process takes a moment longer to end

    @property
    def pid(self) -> int | None:
        """Of the process; None before `start` and after `end`."""
        return None if self._process is None else self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process runs and is to run."""
        if self._process is None or self._is_gone or self._is_ended.is_set():
            return False
        return self._process.poll() is None

    def start(self, loop: asyncio.AbstractEventLoop) -> Self:
        """Start the process, wait until it has reached laser and furnace, and begin to beat on `loop`.

        Raises:
            WatchdogError: it does not start, or cannot reach them; it is ended.
        """
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            self._line = ours
            self._process = subprocess.Popen(  # noqa: S603  # our own module, by our own interpreter
                # -P: no file of the folder that the session was begun in is taken for a module.
                [sys.executable, "-P", "-m", "beamline.watchdog", str(its.fileno())],
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # out of reach of the terminal's signals
                env=os.environ | {"PYTHONPATH": _python_path()},
            )
        problems = self._wait_until_ready(ours)
        if problems:
            self.end()
            raise WatchdogError(
                "the watchdog cannot reach what it watches: "
                + "; ".join(f"{what}: {why}" for what, why in problems.items())
            )
        ours.settimeout(0)
        loop.call_soon_threadsafe(self._beat, loop, ours)
        return self

    def make_safe(self) -> None:
        """Ask it to make laser and furnace safe now; it does so on its own connections, and `on_trip` is told."""
        if self._line is not None:
            self._line.send(SAFE)

    def leave(self) -> None:
        """Let go of it without an end: it takes the engine for gone, makes the bench safe, and ends by itself."""
        self._is_ended.set()
        if self._line is not None:
            self._line.close()
        if self._process is not None:  # somebody must be there when it ends
            threading.Thread(target=self._process.wait, name="watchdog-left", daemon=True).start()
        self._line = self._process = None

    def end(self) -> None:
        """End the process quietly; the bench is safe, or somebody answers for it. May be called again."""
        self._is_ended.set()
        line, process = self._line, self._process
        if line is not None:
            try:
                line.send(END)
            except OSError:
                _logger.warning("the watchdog was gone before the session's end")
            line.close()
            self._line = None
        if process is not None:
            try:
                process.wait(5.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self._process = None

    def _wait_until_ready(self, line: socket.socket) -> dict[str, str]:
        try:
            line.send(write_settings(self._settings))
            if not select.select([line], [], [], START_S)[0]:
                return {"its process": f"said nothing within {START_S:g} s"}
            message = line.recv(MOST_BYTES)
        except ConnectionError:  # it did not even read its settings
            message = b""
        if not message:
            return {"its process": "ended at once; run `python -m beamline.watchdog 0` to see why"}
        problems: dict[str, str] = json.loads(message)["problems"]
        return problems

    # --------------------------------------------------------------------------------------------- on the engine's loop
    def _beat(self, loop: asyncio.AbstractEventLoop, line: socket.socket) -> None:
        if self._is_ended.is_set():
            return
        try:
            self._listen(line)
            self._on_beat()
            line.send(BEAT)
        except BlockingIOError:
            _logger.warning("the watchdog does not read its beats")
        except OSError:
            if self._is_ended.is_set():
                return
            self._is_gone = True
            self._on_trip(Trip("watchdog gone", "nobody watches the engine any more"))
            return
        loop.call_later(self._settings.beat_s, self._beat, loop, line)

    def _listen(self, line: socket.socket) -> None:
        """Hear what it has done, if anything.

        Raises:
            OSError: it is gone.
        """
        while True:
            try:
                message = line.recv(MOST_BYTES)
            except BlockingIOError:
                return
            if not message:
                raise ConnectionResetError("the watchdog is gone")
            said = json.loads(message)
            if said.pop("said") == "trip":
                self._on_trip(Trip(**said))


def _python_path() -> str:
    """Where this package is imported from, for the process is to be of the same version, and what was said before.

    Without an empty entry: Python takes that for the working folder, and a file `socket.py` there for the module.
    """
    before = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(Path(__file__).parents[2]), *([before] if before else [])])
