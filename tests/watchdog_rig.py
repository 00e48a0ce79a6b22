"""A watchdog's process in the process of the test: instruments that count what they are asked, and a thread as its engine."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from beamline.watchdog import Journal, WatchdogSettings, process
from beamline.watchdog.words import BEAT, END, write_settings
from devices.drivers.eurotherm import EurothermSettings
from devices.drivers.light_conversion import LightConversionSettings
from devices.errors import CommunicationError

END_S = 8.0
"""Longest time that the process may take to end when the engine has played its part; what is wrong is to fail, not to hang."""
LASER, FURNACE = "laser closed", "furnace off"


class FakeHand:
    """A hand at an instrument that is unsafe, and may be dead, or fall back."""

    done = "thing safe"
    is_shared = True

    def __init__(self) -> None:
        self.is_safe = False
        self.is_dead = False
        self.n_looks = 0
        self.n_attempts = 0
        self.n_finished = 0
        self.n_closed = 0
        self.attempted = threading.Event()

    def look(self) -> bool:
        self.n_looks += 1
        if self.is_dead:
            raise CommunicationError("no answer")
        return self.is_safe

    def make_safe(self) -> None:
        self.n_attempts += 1
        self.attempted.set()
        self.look()
        self.is_safe = True

    def finish(self) -> None:
        self.n_finished += 1

    def close(self) -> None:
        self.n_closed += 1


class Rig:
    """A process that runs in the main thread, and what a test's thread plays the engine with."""

    def __init__(self, folder: Path, laser: Any, furnace: Any) -> None:
        self.laser, self.furnace = laser, furnace
        self.laser.done, self.furnace.done = LASER, FURNACE
        self.settings = WatchdogSettings(
            LightConversionSettings(
                host="127.0.0.1",
                port=1,
                calibration=((0.0, 0.0), (100.0, 400.0)),
                transmission=0.6,
                numerical_aperture=0.4,
            ),
            EurothermSettings(model="EPC3000", host="127.0.0.1"),
            folder / "watchdog.jsonl",
            os.getpid(),
            beat_s=0.04,
            laser_after_s=0.15,
            furnace_after_s=0.35,
            look_every_s=0.05,
            reach_within_s=0.2,
        )
        self.ours, self.its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours.settimeout(10.0)
        self.n_rounds = 0

    def run(self, engine: Callable[[], None], *, main: bool = False) -> None:
        """Run the process until it ends by itself, and the engine beside it; what the engine finds wrong is raised."""
        wrong: list[BaseException] = []
        played_s: list[float] = []

        def play() -> None:
            try:
                engine()
                played_s.append(time.monotonic())
            except BaseException as error:  # noqa: BLE001  # raised below
                wrong.append(error)
                self.ours.send(END)

        thread = threading.Thread(target=play, daemon=True)
        thread.start()
        if main:
            self.ours.send(write_settings(self.settings))
            process.main(self.its.detach())
        else:
            watched = process.Process(self.settings, self.its)
            judge = watched._judge

            def counted() -> None:
                self.n_rounds += 1
                if wrong:
                    raise wrong[0]
                assert not played_s or time.monotonic() < played_s[0] + END_S, "it does not end"
                judge()

            watched._judge = counted  # type: ignore[method-assign]
            watched.run()
        thread.join(10.0)
        assert not thread.is_alive()
        if wrong:
            raise wrong[0]

    def hear(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.ours.recv(65536))
        return said

    def beat_for(self, seconds: float) -> None:
        pause, end_s = threading.Event(), time.monotonic() + seconds
        while time.monotonic() < end_s:
            self.ours.send(BEAT)
            pause.wait(0.02)

    @property
    def patient(self) -> WatchdogSettings:
        """Settings of one that does not mind silence."""
        return replace(self.settings, laser_after_s=60.0, furnace_after_s=60.0)

    @property
    def notes(self) -> list[tuple[str, str]]:
        return [(entry.event, entry.text) for entry in Journal(self.settings.journal).entries()]

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.notes]

    @property
    def trips(self) -> list[str]:
        return [text for event, text in self.notes if event == "trip"]
