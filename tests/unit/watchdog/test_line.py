"""The engine's end of a watchdog, with a process that the test plays: what is said, heard, believed and told."""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from waiting import until

from beamline.watchdog import Trip, Watchdog, WatchdogError, WatchdogSettings, engine
from beamline.watchdog.words import BEAT, END, SAFE, read_settings


class FakeProcess:
    """A watchdog's process, played by the test: `line` is its end."""

    started: FakeProcess

    def __init__(self, args: list[str], **options: Any) -> None:
        self.args, self.options = args, options
        (descriptor,) = options["pass_fds"]
        assert args[1:] == ["-P", "-m", "beamline.watchdog", str(descriptor)]
        self.line = socket.socket(fileno=os.dup(descriptor))
        self.line.settimeout(10.0)
        self.pid = 4242
        self.returncode: int | None = None
        self.waits: list[float | None] = []
        self.is_deaf = False
        FakeProcess.started = self
        self.answer()

    def answer(self) -> None:
        self.line.send(json.dumps({"said": "ready", "problems": {}}).encode())

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout_s: float | None = None) -> int:
        self.waits.append(timeout_s)
        if self.is_deaf:
            raise subprocess.TimeoutExpired("watchdog", timeout_s or 0.0)
        self.returncode = self.returncode or 0
        return self.returncode

    def kill(self) -> None:
        self.is_deaf, self.returncode = False, -9


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Has `Watchdog` start a process of the class that is given."""

    def use(kind: type[FakeProcess]) -> None:
        fake = SimpleNamespace(
            Popen=kind, DEVNULL=subprocess.DEVNULL, TimeoutExpired=subprocess.TimeoutExpired, sys=None
        )
        monkeypatch.setattr(engine, "subprocess", fake)

    use(FakeProcess)
    yield use
    FakeProcess.started.line.close()


@pytest.fixture
def settings(tmp_path: Path) -> WatchdogSettings:
    return WatchdogSettings(None, None, tmp_path / "j", 0, beat_s=0.01)


def heard(process: FakeProcess) -> bytes:
    return process.line.recv(65536)


def trip(process: FakeProcess, what: str) -> None:
    process.line.send(json.dumps({"said": "trip", "cause": "hang", "what": what, "silent_s": 0.9}).encode())


@pytest.mark.usefixtures("play")
def test_it_is_started_out_of_reach_and_told_its_settings(
    settings: WatchdogSettings, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    dog = Watchdog(settings, lambda _: None)
    assert not dog.is_alive
    assert dog.pid is None
    assert dog.start(loop) is dog
    process = FakeProcess.started
    assert dog.pid == 4242
    assert dog.is_alive
    assert process.options["start_new_session"] is True
    assert [process.options[name] for name in ("stdin", "stdout", "stderr")] == [subprocess.DEVNULL] * 3
    root = str(Path(engine.__file__).parents[2])
    assert process.options["env"]["PYTHONPATH"] == os.pathsep.join([root, "elsewhere"])
    assert process.options["env"]["PATH"] == os.environ["PATH"]
    assert read_settings(heard(process)) == replace(settings, engine_pid=os.getpid())
    assert [heard(process) for _ in range(3)] == [BEAT] * 3
    dog.make_safe()
    until(lambda: heard(process) == SAFE)
    line = dog._line
    assert line is not None
    dog.end()
    assert line.fileno() == -1
    until(lambda: heard(process) == END)
    assert heard(process) == b""
    assert process.waits == [5.0]
    assert not dog.is_alive
    assert dog.pid is None
    dog.end()
    dog.make_safe()
    assert process.waits == [5.0]


@pytest.mark.usefixtures("play")
@pytest.mark.parametrize("before", [None, ""])
def test_the_working_folder_is_no_place_for_its_modules(
    settings: WatchdogSettings,
    loop: asyncio.AbstractEventLoop,
    before: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if before is not None:
        monkeypatch.setenv("PYTHONPATH", before)
    dog = Watchdog(settings, lambda _: None).start(loop)
    assert FakeProcess.started.options["env"]["PYTHONPATH"] == str(Path(engine.__file__).parents[2])
    dog.end()


@pytest.mark.usefixtures("play")
def test_what_it_did_is_told_on_the_loop_and_other_words_are_passed_over(
    settings: WatchdogSettings, loop: asyncio.AbstractEventLoop
) -> None:
    told: list[Trip] = []
    threads: set[str] = set()

    def tell(one: Trip) -> None:
        threads.add(threading.current_thread().name)
        told.append(one)

    dog = Watchdog(settings, tell).start(loop)
    process = FakeProcess.started
    process.line.send(json.dumps({"said": "weather", "problems": {}}).encode())
    trip(process, "one")
    trip(process, "two")
    until(lambda: len(told) == 2)
    assert told == [Trip("hang", "one", 0.9), Trip("hang", "two", 0.9)]
    assert threading.current_thread().name not in threads
    heard(process)
    assert heard(process) == BEAT
    assert dog.is_alive
    dog.end()


@pytest.mark.usefixtures("play")
def test_before_each_beat_the_session_looks(settings: WatchdogSettings, loop: asyncio.AbstractEventLoop) -> None:
    looks: list[int] = []
    dog = Watchdog(settings, lambda _: None, lambda: looks.append(1)).start(loop)
    process = FakeProcess.started
    heard(process)
    for n in (1, 2, 3):
        assert heard(process) == BEAT
        assert len(looks) >= n
    dog.end()
    n_looks = len(looks)
    pause = threading.Event()
    pause.wait(0.05)
    assert len(looks) <= n_looks + 1, "it beats no longer"


@pytest.mark.usefixtures("play")
def test_one_that_is_gone_is_told_once(settings: WatchdogSettings, loop: asyncio.AbstractEventLoop) -> None:
    told: list[Trip] = []
    dog = Watchdog(settings, told.append).start(loop)
    FakeProcess.started.line.close()
    until(lambda: told)
    pause = threading.Event()
    pause.wait(0.05)
    assert told == [Trip("watchdog gone", "nobody watches the engine any more")]
    assert not dog.is_alive
    dog.end()


@pytest.mark.usefixtures("play")
def test_one_whose_process_has_ended_is_not_alive(settings: WatchdogSettings, loop: asyncio.AbstractEventLoop) -> None:
    dog = Watchdog(settings, lambda _: None).start(loop)
    FakeProcess.started.returncode = 1
    assert not dog.is_alive
    dog.end()


@pytest.mark.usefixtures("play")
def test_one_that_does_not_read_costs_no_beat(settings: WatchdogSettings, loop: asyncio.AbstractEventLoop) -> None:
    """The line is full: the loop goes on, and beats again when there is room."""
    told: list[Trip] = []
    looks: list[int] = []
    dog = Watchdog(replace(settings, beat_s=0.0001), told.append, lambda: looks.append(1)).start(loop)
    process = FakeProcess.started

    def is_full() -> bool:
        return not select.select([], [dog._line], [], 0)[1]  # type: ignore[list-item]  # it is there

    until(is_full)
    n_looks = len(looks)
    until(lambda: len(looks) > n_looks + 5)
    while is_full():
        heard(process)
    n_looks = len(looks)
    until(lambda: len(looks) > n_looks + 5)
    assert told == []
    assert dog.is_alive
    ending = threading.Thread(target=dog.end)
    ending.start()
    while heard(process):
        pass
    ending.join(10.0)
    assert not dog.is_alive


@pytest.mark.usefixtures("play")
def test_left_alone_it_hears_that_the_engine_is_gone(
    settings: WatchdogSettings, loop: asyncio.AbstractEventLoop
) -> None:
    told: list[Trip] = []
    dog = Watchdog(settings, told.append).start(loop)
    process = FakeProcess.started
    heard(process)
    last = heard(process)
    line = dog._line
    assert line is not None
    dog.leave()
    assert line.fileno() == -1
    assert not dog.is_alive
    assert dog.pid is None
    while message := heard(process):
        last = message
    assert last == BEAT, "no word that it may end"
    until(lambda: process.waits == [None])
    assert told == []
    dog.leave()
    dog.end()


@pytest.mark.usefixtures("play")
@pytest.mark.parametrize("way", ["leave", "end"])
def test_a_beat_under_way_when_it_is_let_go_misses_nobody(
    settings: WatchdogSettings, loop: asyncio.AbstractEventLoop, way: str
) -> None:
    told: list[Trip] = []
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        getattr(dog, way)()

    dog = Watchdog(settings, told.append, look)
    dog.start(loop)
    until(lambda: looks and not dog.is_alive)
    done = threading.Event()
    loop.call_soon_threadsafe(done.set)
    assert done.wait(5.0)
    assert told == []
    assert len(looks) == 1


@pytest.mark.usefixtures("play")
def test_one_that_does_not_end_is_ended(settings: WatchdogSettings, loop: asyncio.AbstractEventLoop) -> None:
    dog = Watchdog(settings, lambda _: None).start(loop)
    process = FakeProcess.started
    process.is_deaf = True
    dog.end()
    assert process.returncode == -9
    assert process.waits == [5.0, None]


def test_what_it_cannot_reach_is_said_and_it_is_ended(
    settings: WatchdogSettings, loop: asyncio.AbstractEventLoop, play: Any
) -> None:
    class Lost(FakeProcess):
        def answer(self) -> None:
            problems = {"laser output closed": "no answer", "furnace in standby": "no line"}
            self.line.send(json.dumps({"said": "ready", "problems": problems}).encode())

    play(Lost)
    dog = Watchdog(settings, lambda _: None)
    with pytest.raises(WatchdogError, match=r"watches: laser output closed: no answer; furnace in standby: no line$"):
        dog.start(loop)
    assert not dog.is_alive
    assert FakeProcess.started.waits == [5.0]


@pytest.mark.parametrize("after_s", [None, 0.05])
def test_one_that_ends_at_once_is_said_to(
    settings: WatchdogSettings, loop: asyncio.AbstractEventLoop, play: Any, after_s: float | None
) -> None:
    """Before it was told its settings, and before it has read them."""

    class Dies(FakeProcess):
        def answer(self) -> None:
            if after_s is None:
                self.line.close()
            else:
                threading.Timer(after_s, self.line.close).start()

    play(Dies)
    dog = Watchdog(settings, lambda _: None)
    with pytest.raises(WatchdogError, match=r"its process: ended at once; run `python -m beamline\.watchdog 0`"):
        dog.start(loop)
    assert not dog.is_alive
    assert FakeProcess.started.waits == [5.0]


def test_one_that_says_nothing_is_not_waited_for_for_ever(
    settings: WatchdogSettings, loop: asyncio.AbstractEventLoop, play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mute(FakeProcess):
        def answer(self) -> None:
            pass

    play(Mute)
    monkeypatch.setattr(engine, "START_S", 0.1)
    with pytest.raises(WatchdogError, match=r"its process: said nothing within 0\.1 s"):
        Watchdog(settings, lambda _: None).start(loop)


@pytest.mark.parametrize(
    ("waits", "is_right"),
    [
        ((0.1, 0.8, 5.0), True),
        ((0.1, 0.8, 0.8), True),
        ((0.25, 0.8, 5.0), True),
        ((0.0, 0.8, 5.0), False),
        ((0.1, 0.3, 5.0), False),
        ((0.1, 0.8, 0.7), False),
    ],
)
def test_three_beats_fit_into_the_first_wait(
    settings: WatchdogSettings,
    waits: tuple[float, float, float],
    is_right: bool,  # noqa: FBT001  # a parameter of pytest's
) -> None:
    beat_s, laser_s, furnace_s = waits
    words = {"beat_s": beat_s, "laser_after_s": laser_s, "furnace_after_s": furnace_s}
    if is_right:
        assert replace(settings, **words).beat_s == beat_s  # type: ignore[arg-type]  # by name
    else:
        with pytest.raises(ValueError, match="three beats must fit") as refused:
            replace(settings, **words)  # type: ignore[arg-type]  # the same
        assert f"beat_s={beat_s}, laser_after_s={laser_s}, furnace_after_s={furnace_s}" in str(refused.value)


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (Trip("hang", "acts", 0.812), "watchdog: acts, because the engine's loop did not turn for 0.81 s"),
        (Trip("engine gone", "acts"), "watchdog: acts, because the engine's process was gone"),
        (Trip("request", "acts"), "watchdog: acts, because it was asked to"),
        (Trip("signal", "acts"), "watchdog: acts, because it was ended by a signal"),
        (Trip("watchdog gone", "nobody"), "watchdog: nobody, because its process is gone"),
    ],
)
def test_a_trip_says_why(one: Trip, text: str) -> None:
    assert str(one) == text
