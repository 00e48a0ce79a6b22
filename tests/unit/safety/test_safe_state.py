"""The safe state is reached step by step, and a step that fails keeps none of the others from being tried."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import chain, combinations
from typing import Any

import pytest

from beamline.safety import make_safe, safe_state, safe_state_plan
from devices import DiscreteEventClock, Geometry, make_bench

METHODS = {
    ("laser", "close_output"): "laser output closed",
    ("furnace", "standby"): "furnace in standby",
    ("laser", "start_pulse_energy"): "attenuator at minimum",
    ("stage", "stop"): "stage stopped",
    ("spectrometer", "switch_lamp"): "excitation lamp off",
    ("spectrometer", "switch_line_lamp"): "calibration lamp off",
    ("lifetime", "abort_acquisition"): "lifetime counter stopped",
    ("lifetime", "switch_excitation"): "pulsed excitation off",
    ("camera", "abort_acquisition"): "camera stopped",
    ("camera", "start_illumination"): "camera's lights off",
}
NAMES = list(METHODS.values())


@pytest.fixture
def bench() -> Any:
    from devices.twin import build_twin

    clock = DiscreteEventClock()
    return make_bench(build_twin(1, [], clock, Geometry()), clock, Geometry())


def test_a_bench_at_work_is_brought_to_rest(bench: Any) -> None:
    bench.furnace.driver.start_ramp(400.0, 10.0)
    bench.laser.driver.open_output()
    bench.spectrometer.driver.switch_lamp(on=True)
    bench.spectrometer.driver.switch_line_lamp(on=True)
    bench.stage.driver.start_move("x", 100.0)
    bench.lifetime.driver.switch_excitation(on=True)
    bench.camera.driver.start_illumination("white")
    steps = make_safe(bench)
    assert [step.error for step in steps] == [None] * 10
    assert not bench.laser.driver.is_output_open
    assert not bench.furnace.driver.is_on
    assert not bench.spectrometer.driver.is_lamp_on
    assert not bench.spectrometer.driver.is_line_lamp_on
    assert not bench.stage.driver.is_moving("x")
    assert not bench.lifetime.driver.is_excitation_on
    assert not bench.lifetime.driver.is_busy
    assert bench.laser.driver.pulse_energy_uJ == bench.geometry.limits.pulse_energy_uJ[0]
    assert bench.camera.driver.illumination == "off"


@pytest.mark.parametrize("broken", list(chain.from_iterable(combinations(range(10), n) for n in (1, 2, 10))))
def test_every_other_step_is_tried_when_some_fail(
    bench: Any, broken: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[int] = []
    for i, (role, method) in enumerate(METHODS):

        def step(*_: object, i: int = i, **__: object) -> None:
            called.append(i)
            if i in broken:
                raise OSError("bus is dead")

        monkeypatch.setattr(getattr(bench, role).driver, method, step)
    steps = make_safe(bench)
    assert called == list(range(10))
    assert [i for i, s in enumerate(steps) if s.error] == list(broken)
    assert all("bus is dead" in str(steps[i]) and "NOT DONE" in str(steps[i]) for i in broken)


def test_an_output_that_takes_the_command_and_stays_open_is_told(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.laser.driver.open_output()
    monkeypatch.setattr(bench.laser.driver, "close_output", lambda: None)
    first, *others = make_safe(bench)
    assert str(first).startswith("NOT DONE: laser output closed (the command was given, and it does not read back")
    assert [step.error for step in others if step.name != "attenuator at minimum"] == [None] * 8


class SlowLaser:
    """Says that it is closed a while after it was told to, as what is polled over a wire does."""

    def __init__(self) -> None:
        self.n_looks = 0

    def close_output(self) -> None:
        self.n_looks = 5

    def start_pulse_energy(self, _uJ: float) -> float:
        return 0.0

    @property
    def is_output_open(self) -> bool:
        self.n_looks -= 1
        if self.n_looks < -1000:
            raise OSError("bus is dead")
        return self.n_looks > 0


def test_a_laser_that_reads_closed_a_little_later_is_closed(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    from devices import RealClock

    slow = SlowLaser()
    monkeypatch.setattr(bench.laser, "driver", slow)
    steps = make_safe(dataclasses.replace(bench, clock=RealClock()))
    assert slow.n_looks == 0
    assert [step.error for step in steps] == [None] * 10


def test_what_cannot_be_read_back_is_not_said_to_be_safe(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Dead(SlowLaser):
        is_output_open = property(lambda _self: 1 / 0)  # type: ignore[assignment]  # whatever a driver raises

    monkeypatch.setattr(bench.laser, "driver", Dead())
    assert "what came of it cannot be read: ZeroDivisionError" in str(make_safe(bench)[0])


@pytest.fixture
def hung() -> Iterator[threading.Event]:
    """What a step that hangs waits for; it comes with the end of the test."""
    end = threading.Event()
    yield end
    end.set()


@pytest.mark.parametrize("hangs", range(9))
def test_a_step_that_hangs_is_left_behind_and_named(
    bench: Any, hangs: int, hung: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safe_state, "STEP_S", 0.2)
    called: list[int] = []
    for i, (role, method) in enumerate(METHODS):

        def step(*_: object, i: int = i, **__: object) -> None:
            called.append(i)
            if i == hangs:
                hung.wait(30.0)

        monkeypatch.setattr(getattr(bench, role).driver, method, step)
    steps = make_safe(bench)
    assert called == list(range(10))
    assert [i for i, s in enumerate(steps) if s.error] == [hangs]
    assert str(steps[hangs]) == (
        f"NOT DONE: {NAMES[hangs]} (no end after 0.2 s; do it by hand, and look at the device)"
    )
    (left,) = (thread for thread in threading.enumerate() if thread.name == "safe-state")
    assert left.daemon, "else the program would not end before the driver does"


def test_a_step_that_takes_a_moment_is_waited_for(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.laser.driver.open_output()
    close = bench.laser.driver.close_output

    def slowly() -> None:
        threading.Event().wait(0.1)
        close()

    monkeypatch.setattr(bench.laser.driver, "close_output", slowly)
    assert list(map(str, make_safe(bench))) == NAMES


def test_a_reading_that_hangs_keeps_nobody_waiting(
    bench: Any, hung: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safe_state, "READING_S", 0.1)
    bench.furnace.driver.start_ramp(400.0, 10.0)

    class Hangs(SlowLaser):
        is_output_open = property(lambda _self: hung.wait(30.0))  # type: ignore[assignment]  # as a dead bus does

    monkeypatch.setattr(bench.laser, "driver", Hangs())
    first, *others = make_safe(bench)
    assert not hung.is_set()
    assert first.error == (
        "the command was given, and what came of it cannot be read: no end after 0.1 s; look at the device"
    )
    assert not [step for step in others if step.error]
    assert not bench.furnace.driver.is_on


def test_a_reading_that_never_becomes_so_is_waited_for_no_longer_than_allowed(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses
    import time

    from devices import RealClock

    class Open(SlowLaser):
        is_output_open = True  # type: ignore[assignment]  # for ever

    monkeypatch.setattr(safe_state, "READ_BACK_S", 0.2)
    monkeypatch.setattr(bench.laser, "driver", Open())
    begin_s = time.monotonic()
    first, *others = make_safe(dataclasses.replace(bench, clock=RealClock()))
    assert time.monotonic() - begin_s >= 0.2
    assert first.error == "the command was given, and it does not read back as done within 0.2 s; look at the device"
    assert not [step for step in others if step.error]


def test_at_the_end_of_a_plan_it_is_the_same(bench: Any) -> None:
    bench.furnace.driver.start_ramp(400.0, 10.0)
    plan = safe_state_plan(bench)
    assert next(plan).command == "null"
    assert bench.furnace.driver.is_on
    with pytest.raises(StopIteration) as end:
        next(plan)
    assert [step.error for step in end.value.value] == [None] * 10
    assert not bench.furnace.driver.is_on


@pytest.mark.parametrize("has", [None, "instruments without switches", "instruments with switches"])
def test_what_is_not_there_is_no_step(bench: Any, has: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    names = NAMES[:6]
    if has is None:
        bench = dataclasses.replace(bench, lifetime=None, camera=None)
    else:
        names.append("lifetime counter stopped")
        if has == "instruments with switches":
            names.append("pulsed excitation off")
        else:
            monkeypatch.setattr(type(bench.lifetime), "capabilities", frozenset())
        names.append("camera stopped")
        if has == "instruments with switches":
            names.append("camera's lights off")
        else:
            monkeypatch.setattr(type(bench.camera), "capabilities", frozenset())
            monkeypatch.setattr(type(bench.spectrometer), "capabilities", frozenset({"lamp"}))
            names.remove("calibration lamp off")
    assert [step.name for step in make_safe(bench)] == names


@pytest.mark.parametrize(
    ("role", "state", "name"),
    [
        ("furnace", "is_on", "furnace in standby"),
        ("spectrometer", "is_lamp_on", "excitation lamp off"),
        ("spectrometer", "is_line_lamp_on", "calibration lamp off"),
        ("lifetime", "is_excitation_on", "pulsed excitation off"),
        ("camera", "illumination", "camera's lights off"),
    ],
)
@pytest.mark.parametrize("reading", [True, None])
def test_only_a_plain_no_is_off(
    bench: Any, role: str, state: str, name: str, *, reading: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(getattr(bench, role).driver), state, property(lambda _self: reading))
    assert [step.name for step in make_safe(bench) if step.error] == [name]


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_a_stage_is_at_rest_when_each_axis_is(bench: Any, axis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.stage.driver, "is_moving", lambda one: one == axis)
    assert [step.name for step in make_safe(bench) if step.error] == ["stage stopped"]


def test_what_is_raised_to_end_a_program_does_not_end_the_way_to_the_safe_state(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaves() -> None:
        raise SystemExit

    bench.furnace.driver.start_ramp(400.0, 10.0)
    monkeypatch.setattr(bench.laser.driver, "close_output", leaves)
    first, *others = make_safe(bench)
    assert "SystemExit" in str(first)
    assert not [step for step in others if step.error]
    assert not bench.furnace.driver.is_on
