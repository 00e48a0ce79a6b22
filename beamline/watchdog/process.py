"""The watchdog's process: hears beats, and acts when they stop, when the engine's process is gone, or when it is asked to.

It is in a session of its own, so that a terminal that closes or a Ctrl-C does not reach it, and it holds nothing of the
engine's but one end of a socket pair. SIGTERM makes the bench safe first.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import time
from dataclasses import asdict

from beamline.watchdog.hands import FurnaceHand, Hand, LaserHand
from beamline.watchdog.journal import Journal
from beamline.watchdog.words import BEAT, END, MOST_BYTES, SAFE, Cause, Trip, WatchdogSettings, read_settings
from beamline.watchdog.worker import Worker

__all__ = ["Process", "main"]

LEAVE_AFTER_S = 3600.0
"""How long it tries to make safe a bench whose engine is gone, before it says that it could not.

Also where nothing answers any more: what is silent may be a controller that starts anew, a switch, or a cable that somebody
will find, with an output that was open when it fell silent and still is when it is back; nobody else will close it. To try on
costs one request every two seconds. It cannot disturb a session that is opened meanwhile: that one needs answers from both
instruments, and with answers this process is done within seconds."""

GRACE_S = 1.0
"""How much longer than its furnace may run on a hanging engine may hold the furnace's serial line."""

LONGEST_LOOK_S = 5.0
"""More than a look takes at the slowest instrument that answers."""


def main(descriptor: int) -> None:
    """Run until the engine ends its session, or is gone and the bench is safe."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=descriptor) as line:
        Process(read_settings(line.recv(MOST_BYTES)), line).run()


class Process:
    """One watchdog.

    Args:
        settings: of what it watches.
        line: to the engine; messages keep their boundaries.
    """

    def __init__(self, settings: WatchdogSettings, line: socket.socket) -> None:
        self._settings = settings
        self._line = line
        self._journal = Journal(settings.journal)
        hands = []
        self._laser = self._furnace = None
        if settings.laser is not None:
            self._laser = self._worker(LaserHand(settings.laser))
            hands.append(self._laser)
        if settings.furnace is not None:
            self._furnace = self._worker(FurnaceHand(settings.furnace))
            hands.append(self._furnace)
        self._workers = tuple(hands)
        self._heard_s = time.monotonic()
        self._trip_cause: Cause | None = None
        self._told: tuple[str, ...] = ()
        self._is_gone = self._is_ended = self._was_signalled = False
        self._pid_descriptor: int | None = None

    def _worker(self, hand: Hand) -> Worker:
        return Worker(hand, self._journal, self._settings.look_every_s, self._settings.reach_within_s)

    def run(self) -> None:
        """Until it is over."""
        self._line.settimeout(0)
        woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._on_sigterm)
        with selectors.DefaultSelector() as selector:
            selector.register(self._line, selectors.EVENT_READ, self._hear)
            selector.register(woken, selectors.EVENT_READ, lambda: os.read(woken, 64))
            # A fork of the engine would hold the other end of the line open; the process itself cannot be mistaken.
            try:
                self._pid_descriptor = os.pidfd_open(self._settings.engine_pid)
                selector.register(self._pid_descriptor, selectors.EVENT_READ, self._lose)
            except OSError:
                self._lose()
            self._note("started", f"watches process {self._settings.engine_pid}")
            for worker in self._workers:
                worker.has_looked.wait(self._settings.reach_within_s + LONGEST_LOOK_S)
            self._say_state("ready")
            self._heard_s = time.monotonic()
            while not self._is_over():
                for key, _ in selector.select(self._settings.beat_s / 2):
                    key.data()
                if self._is_gone:
                    for watched in (self._line, self._pid_descriptor):
                        with contextlib.suppress(KeyError):  # of an earlier round, or never begun to be listened to
                            if watched is not None:
                                selector.unregister(watched)
                self._judge()
        for worker in self._workers:
            if not (worker.is_safe or self._is_ended):
                after = f"not confirmed within {LEAVE_AFTER_S / 60:g} min, and given up"
                self._note("failed", f"{worker.done}: {after}; look at the instrument")
            worker.end()
        self._note("ended", "ended with the session" if self._is_ended else "ended; there is no engine any more")

    # ------------------------------------------------------------------------------------------------- what it hears
    def _hear(self) -> None:
        while True:
            try:
                message = self._line.recv(MOST_BYTES)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                self._lose()
                return
            self._heard_s = time.monotonic()
            if message == END:
                self._is_ended = True
            elif message == SAFE:
                self._trip("request")
            elif message == BEAT and self._trip_cause in {"hang", "request"}:
                self._recover()

    def _lose(self) -> None:
        self._is_gone = True

    def _on_sigterm(self, *_: object) -> None:
        self._was_signalled = True

    # --------------------------------------------------------------------------------------------------- what it does
    def _judge(self) -> None:
        if self._is_ended:
            return
        silent_s = time.monotonic() - self._heard_s
        if self._was_signalled:
            self._trip("signal")
        elif self._is_gone:
            self._trip("engine gone")
        elif silent_s >= self._settings.laser_after_s:
            self._trip("hang", wait_for_furnace=silent_s < self._settings.furnace_after_s)
        if self._trip_cause == "hang" and self._furnace is not None and not self._furnace.is_shared:
            self._free_line(silent_s)
        self._say_done()

    def _trip(self, cause: Cause, *, wait_for_furnace: bool = False) -> None:
        if self._laser is not None:
            self._laser.want(self._heard_s)
        if self._furnace is not None and not wait_for_furnace:
            self._furnace.want(self._heard_s)
        if self._trip_cause != cause:  # the acts have begun before a line is written
            self._trip_cause = cause
            self._note("trip", str(Trip(cause, "acts", time.monotonic() - self._heard_s)), cause=cause)

    def _free_line(self, silent_s: float) -> None:
        """A serial line that the hanging engine holds is free when its process is ended."""
        furnace, pid = self._furnace, self._pid_descriptor
        overdue = silent_s > self._settings.furnace_after_s + GRACE_S
        if overdue and furnace is not None and not furnace.is_done and pid is not None:
            self._note("killed", f"process {self._settings.engine_pid} hangs and holds the furnace's line: it is ended")
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pid, signal.SIGKILL)
            self._lose()

    def _say_done(self) -> None:
        done = tuple(worker.done for worker in self._workers if worker.is_done)
        if self._trip_cause is not None and done and done != self._told:
            self._told = done
            trip = Trip(self._trip_cause, " and ".join(done), time.monotonic() - self._heard_s)
            self._say({"said": "trip", **asdict(trip)})

    def _recover(self) -> None:
        """The engine beats again: what was begun is ended, it is told, and what it holds is its own again."""
        self._say_done()
        if any(worker.is_wanted and not worker.is_done for worker in self._workers):
            return  # with one of the next beats
        self._trip_cause, self._told = None, ()
        for worker in self._workers:
            worker.relax()
        self._note("recovered", "the engine beats again")  # a slow disk is not to keep from it what is its own

    def _is_over(self) -> bool:
        if self._is_ended:
            return True
        is_last = self._is_gone or self._was_signalled
        if not is_last or self._trip_cause is None:
            return False
        return all(worker.is_safe for worker in self._workers) or time.monotonic() - self._heard_s > LEAVE_AFTER_S

    # -------------------------------------------------------------------------------------------------- what it says
    def _say_state(self, said: str) -> None:
        problems = {worker.done: worker.problem for worker in self._workers if worker.problem}
        self._say({"said": said, "problems": problems})

    def _say(self, message: dict[str, object]) -> None:
        with contextlib.suppress(OSError):  # an engine that does not listen is no reason not to go on
            self._line.send(json.dumps(message).encode())

    def _note(self, event: str, text: str, **figures: str) -> None:
        with contextlib.suppress(OSError):
            self._journal.write(event, text, **figures)
