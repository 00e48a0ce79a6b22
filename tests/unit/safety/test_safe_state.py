"""The safe state is reached step by step, and a step that fails keeps none of the others from being tried."""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import pytest

from beamline.safety import make_safe
from devices import DiscreteEventClock, Geometry, make_bench

METHODS = [
    ("laser", "close_output"),
    ("furnace", "standby"),
    ("laser", "start_pulse_energy"),
    ("stage", "stop"),
    ("spectrometer", "switch_lamp"),
    ("lifetime", "abort_acquisition"),
    ("lifetime", "switch_excitation"),
]


@pytest.fixture
def bench() -> Any:
    from devices.twin import build_twin

    clock = DiscreteEventClock()
    return make_bench(build_twin(1, [], clock, Geometry()), clock, Geometry())


def test_a_bench_at_work_is_brought_to_rest(bench: Any) -> None:
    bench.furnace.driver.start_ramp(400.0, 10.0)
    bench.laser.driver.open_output()
    bench.spectrometer.driver.switch_lamp(on=True)
    bench.stage.driver.start_move("x", 100.0)
    bench.lifetime.driver.switch_excitation(on=True)
    steps = make_safe(bench)
    assert [step.error for step in steps] == [None] * 7
    assert not bench.laser.driver.is_output_open
    assert not bench.furnace.driver.is_on
    assert not bench.spectrometer.driver.is_lamp_on
    assert not bench.stage.driver.is_moving("x")
    assert not bench.lifetime.driver.is_excitation_on
    assert not bench.lifetime.driver.is_busy


@pytest.mark.parametrize("broken", list(chain.from_iterable(combinations(range(7), n) for n in range(1, 8))))
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
    assert called == list(range(7))
    assert [i for i, s in enumerate(steps) if s.error] == list(broken)
    assert all("bus is dead" in str(steps[i]) and "NOT DONE" in str(steps[i]) for i in broken)
