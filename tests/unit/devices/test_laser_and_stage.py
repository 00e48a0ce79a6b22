"""Laser and stage: exposures, lines, busy and stopped states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bluesky.plan_stubs as bps
import pytest
from bluesky import RunEngine
from bluesky.plans import scan
from bluesky.utils import FailedStatus

from devices import Bench, DeadlineError, DeviceError, DiscreteEventClock, Laser, LineMove, RefusedError, StoppedError
from devices.twin import Effects

from .conftest import Documents


def test_a_dot_delivers_its_pulses(RE: RunEngine, bench: Bench, clock: DiscreteEventClock) -> None:
    def plan() -> Any:
        yield from bps.mv(bench.laser.pulse_energy_uJ, 150.0, bench.laser.exposure_s, 3.0)
        yield from bps.trigger(bench.laser, wait=True)

    RE(plan())
    assert clock.now_s == pytest.approx(3.5, abs=0.02)
    assert bench.laser.pulses_delivered.get() == pytest.approx(30_000, abs=5 * bench.laser.pulses_delivered_sd.get())
    assert bench.laser.output.get() == "closed"
    # P3: 200 uJ at 10 kHz leave 0.5 W at the sample; of the truth only that it is near that
    assert bench.laser.power_at_sample_W.get() == pytest.approx(0.375, rel=0.5)


def test_without_effects_the_power_is_the_nominal_one(RE: RunEngine, make: Callable[..., Any]) -> None:
    bench = make(effects=Effects.none())
    RE(bps.mv(bench.laser.exposure_s, 2.0))
    assert bench.laser.power_at_sample_W.get() == 0.0
    RE(bps.trigger(bench.laser, wait=True))
    assert bench.laser.power_at_sample_W.get() == pytest.approx(0.5)
    assert bench.laser.pulses_delivered.get() == 20_000.0


def test_refusals_of_the_laser(bench: Bench, clock: DiscreteEventClock) -> None:
    laser = bench.laser
    laser.pulse_energy_uJ.set(100.0)
    with pytest.raises(RefusedError, match="still moves"):
        laser.trigger()
    clock.advance(1)
    laser.output.set("open")
    for action in (lambda: laser.output.set("open"), laser.trigger, lambda: laser.pulse_energy_uJ.set(1.0)):
        with pytest.raises(RefusedError, match="open"):
            action()
    laser.output.set("closed")
    laser.pulse_energy_uJ.set(400.0)
    laser.repetition_rate_kHz.set(1000.0)
    clock.advance(1)
    with pytest.raises(RefusedError, match="400 W"):
        laser.trigger()


def test_every_end_of_a_run_closes_the_output(RE: RunEngine, bench: Bench) -> None:
    RE(bps.mv(bench.laser.output, "open"))
    assert bench.laser.output.get() == "closed"


def test_stop_ends_an_exposure(bench: Bench, clock: DiscreteEventClock) -> None:
    bench.laser.exposure_s.set(10.0)
    status = bench.laser.trigger()
    clock.advance(4.0)
    bench.laser.stop()
    assert isinstance(status.exception(), StoppedError)
    assert bench.laser.pulses_delivered.get() == 40_000
    assert bench.laser.output.get() == "closed"


def test_unstaging_closes(bench: Bench) -> None:
    bench.laser.stage()
    bench.laser.output.set("open")
    bench.laser.unstage()
    assert bench.laser.output.get() == "closed"


def test_axes_move_together_and_end_where_asked(RE: RunEngine, bench: Bench, clock: DiscreteEventClock) -> None:
    RE(bps.mv(bench.stage.x_mm, 50.0, bench.stage.y_mm, 20.0, bench.stage.z_mm, 6.0))
    assert [axis.position for axis in (bench.stage.x_mm, bench.stage.y_mm, bench.stage.z_mm)] == [50.0, 20.0, 6.0]
    assert clock.now_s == pytest.approx(40 / 20 + 0.1)  # as long as the longest takes


def test_relative_moves_and_scans(RE: RunEngine, bench: Bench, documents: Documents) -> None:
    RE(bps.mvr(bench.stage.x_mm, 1.5))
    assert bench.stage.x_mm.position == pytest.approx(11.5)
    RE(scan([bench.furnace], bench.stage.x_mm, 20.0, 30.0, 5))
    assert [e["stage_x_mm"] for e in documents.data("primary")] == [20.0, 22.5, 25.0, 27.5, 30.0]


def test_a_line_takes_its_time(RE: RunEngine, bench: Bench, clock: DiscreteEventClock) -> None:
    RE(bps.mv(bench.stage.x_mm, 20.0, bench.stage.y_mm, 20.0))
    begin_s = clock.now_s
    RE(bps.mv(bench.stage.line, LineMove(23.0, 24.0, 0.4)))
    assert clock.now_s - begin_s == pytest.approx(12.5)
    assert (bench.stage.x_mm.position, bench.stage.y_mm.position) == (23.0, 24.0)
    assert bench.stage.line.get() == 0.4


def test_a_moving_stage_refuses_and_a_stopped_one_stays(bench: Bench, clock: DiscreteEventClock) -> None:
    status = bench.stage.x_mm.set(110.0)
    clock.advance(1.0)
    with pytest.raises(RefusedError, match="stage x still moves"):
        bench.stage.line.set(LineMove(20, 20, 1))
    bench.stage.y_mm.stop()  # any axis stops the stage
    assert isinstance(status.exception(), StoppedError)
    here_mm = bench.stage.x_mm.position
    assert here_mm == pytest.approx(30.0, abs=1.0)
    clock.advance(100)
    bench.stage.stop()
    assert bench.stage.x_mm.position == here_mm


class SlowLaser:
    """A driver that never finishes, or reads back something else."""

    pulse_energy_uJ = 100.0
    wavelength_nm = pulse_duration_fs = numerical_aperture = 1.0
    is_busy = True
    closed = 0

    def start_pulse_energy(self, _: object) -> float:
        return 0.5

    def close_output(self) -> None:
        self.closed += 1


def test_a_setting_that_never_arrives_meets_its_deadline(RE: RunEngine, clock: DiscreteEventClock) -> None:
    laser = Laser(name="laser", driver=SlowLaser(), clock=clock)
    with pytest.raises(FailedStatus) as caught:
        RE(bps.mv(laser.pulse_energy_uJ, 150.0))
    assert isinstance(caught.value.__cause__, DeadlineError)
    assert "laser_pulse_energy_uJ: move to 150 uJ" in str(caught.value.__cause__)
    assert clock.now_s == pytest.approx(0.5 * 1.5 + laser.margin_s)
    assert laser.driver.closed >= 1


def test_a_setting_is_read_back(RE: RunEngine, clock: DiscreteEventClock) -> None:
    driver = SlowLaser()
    driver.is_busy = False
    laser = Laser(name="laser", driver=driver, clock=clock)
    with pytest.raises(FailedStatus) as caught:
        RE(bps.mv(laser.pulse_energy_uJ, 150.0))
    assert isinstance(caught.value.__cause__, DeviceError)
    assert "asked for 150 uJ, it reads back 100 uJ" in str(caught.value.__cause__)
