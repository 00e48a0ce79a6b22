"""Instruments that are not there, a process that is played to, and a loop that beats."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from watchdog_rig import FakeHand, Rig

from beamline.watchdog import process, worker


@pytest.fixture
def hand() -> FakeHand:
    return FakeHand()


@pytest.fixture
def make_hand() -> Callable[[], FakeHand]:
    return FakeHand


@pytest.fixture
def rig(tmp_path: Path, make_hand: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    for name, value in (("AGAIN_S", 0.01), ("LONGEST_S", 0.02), ("GUARD_EVERY_S", 0.01), ("GUARD_S", 0.05)):
        monkeypatch.setattr(worker, name, value)
    rig = Rig(tmp_path, make_hand(), make_hand())
    monkeypatch.setattr(process, "GRACE_S", 0.2)
    monkeypatch.setattr(process, "LaserHand", lambda settings: rig.laser if settings is not None else None)
    monkeypatch.setattr(process, "FurnaceHand", lambda settings: rig.furnace if settings is not None else None)
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE)
    before = {number: signal.getsignal(number) for number in numbers}
    yield rig
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)
    rig.ours.close()
    rig.its.close()
    assert rig.laser.n_closed
    assert rig.furnace.n_closed


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Another process, which may be ended."""
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as sleeper:
        yield sleeper
        sleeper.kill()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """That of an engine: it turns on a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
