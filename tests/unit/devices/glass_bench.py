"""A twin behind its devices with shorthands: write a dot or a line, heat, look; its own clock and engine."""

from __future__ import annotations

from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
from bluesky import RunEngine
from numpy.typing import NDArray

from devices import DiscreteEventClock, Geometry, LineMove, make_bench
from devices.twin import Effects, build_twin

from .conftest import COUPONS

NONE = Effects.none()


class Bench:
    """A bench with shorthands, its own clock and engine."""

    def __init__(self, seed: int = 1, effects: Effects | None = None) -> None:
        self.clock = DiscreteEventClock()
        self.geometry = Geometry()
        self.roles = make_bench(
            build_twin(seed, COUPONS, self.clock, self.geometry, effects), self.clock, self.geometry
        )
        self.RE = RunEngine({})
        self.clock.install(self.RE)
        self.wavelength_nm = self.roles.spectrometer.wavelength_nm.get()
        self.RE(bps.mv(self.roles.changer.at_stage, "A"))

    def to_laser(self, x_mm: float, y_mm: float, depth_mm: float = 0.2) -> None:
        x, y, z = self.geometry.under_laser(x_mm, y_mm, depth_mm)
        stage = self.roles.stage
        self.RE(bps.mv(stage.x_mm, x, stage.y_mm, y, stage.z_mm, z))

    def dot(
        self,
        x_mm: float,
        y_mm: float,
        exposure_s: float,
        *,
        energy_uJ: float = 200.0,
        n_passes: int = 1,
        depth_mm: float = 0.2,
    ) -> None:
        laser = self.roles.laser
        self.to_laser(x_mm, y_mm, depth_mm)
        self.RE(bps.mv(laser.pulse_energy_uJ, energy_uJ, laser.exposure_s, exposure_s))
        for _ in range(n_passes):
            self.RE(bps.trigger(laser, wait=True))

    def line(
        self,
        y_mm: float,
        *,
        speed_mm_s: float = 0.4,
        energy_uJ: float = 200.0,
        x_mm: float = 10.0,
        length_mm: float = 1.0,
        n_passes: int = 1,
        stop_after_s: float | None = None,
    ) -> None:
        laser, stage = self.roles.laser, self.roles.stage
        begin, end = x_mm - length_mm / 2, x_mm + length_mm / 2

        def plan() -> Any:
            yield from bps.mv(laser.pulse_energy_uJ, energy_uJ)
            for i in range(n_passes):
                x, y, _ = self.geometry.under_laser((end, begin)[i % 2], y_mm, 0.2)
                yield from bps.mv(laser.output, "open")
                yield from bps.abs_set(stage.line, LineMove(x, y, speed_mm_s), group="line")
                if stop_after_s is not None:
                    yield from bps.sleep(stop_after_s)
                    return  # the engine stops what it has set
                yield from bps.wait("line")
                yield from bps.mv(laser.output, "closed")

        self.to_laser(begin, y_mm)
        self.RE(plan())

    def spectrum(
        self, x_mm: float, y_mm: float, integration_s: float = 0.2, n_averages: int = 10
    ) -> NDArray[np.float64]:
        """Counts above dark, shape [2048]."""
        s, stage = self.roles.spectrometer, self.roles.stage
        x, y, z = self.geometry.under_spectrometer(x_mm, y_mm)
        self.RE(bps.mv(stage.x_mm, x, stage.y_mm, y, stage.z_mm, z))
        self.RE(bps.mv(s.integration_s, integration_s, s.n_averages, n_averages))
        self.RE(bps.trigger(s, wait=True))
        dark = s.counts.get()
        self.RE(bps.mv(s.lamp, "on"))
        self.RE(bps.trigger(s, wait=True))
        light = s.counts.get()
        self.RE(bps.mv(s.lamp, "off"))
        return light - dark

    def anneal(self, temperature_C: float, hold_s: float = 7200.0) -> Any:
        b = self.roles

        def plan() -> Any:
            yield from bps.mv(b.changer.in_furnace, "A")
            yield from bps.mv(b.furnace, temperature_C)
            yield from bps.sleep(hold_s)
            yield from bps.mv(b.furnace, self.geometry.unload_C)
            yield from bps.mv(b.furnace.heater, "standby")
            yield from bps.mv(b.changer.at_stage, "A")

        self.RE(plan())

    def red_peak_nm(self, counts: NDArray[np.float64]) -> float:
        red = self.wavelength_nm > 560
        return float(self.wavelength_nm[red][np.argmax(counts[red])])
