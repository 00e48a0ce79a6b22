"""Drives the simulated bench without an engine: the moves of a night's plans, one after the other, on the same drivers.

A coupon takes a fraction of the time that it takes under the engine, for nothing is written down on the way; what is learnt of
it comes from the same analysis (`observations_of`). tests/unit/benchmarks shows that the outcomes are those of a night.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from beamline.campaign import Campaign
from beamline.campaign.observations import observations_of
from beamline.instrument import Instrument
from beamline.recipe import Dot, HeatTreatment, Line, Measurement, Observation, Suggestion
from beamline.session import open_session
from devices import Bench, DiscreteEventClock

__all__ = ["HandRun", "make_coupon", "simulated_bench"]

SAMPLE_EVERY_S = 60.0
"""As in `plans.anneal`, and so are the two below."""
SHORTER = 5.0
UNLOAD_MARGIN_BANDS = 2.0


@dataclass
class HandRun:
    """What `observations_of` asks of a run: a start document, tables of streams, and the detector's configuration."""

    start: dict[str, Any]
    tables: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    configuration: dict[str, Any] = field(default_factory=dict)

    @property
    def streams(self) -> tuple[str, ...]:
        """Those with events."""
        return tuple(self.tables)

    def table(self, stream: str) -> dict[str, Any]:
        """Columns of a stream."""
        return {name: np.array(values) for name, values in self.tables[stream].items()}

    def config(self, stream: str) -> dict[str, Any]:  # noqa: ARG002  # there is one detector
        """The detector as its descriptor has it."""
        return self.configuration

    def add(self, stream: str, **values: Any) -> None:
        """An event."""
        for name, value in values.items():
            self.tables.setdefault(stream, {}).setdefault(name, []).append(value)


@contextmanager
def simulated_bench(campaign: Campaign, seed: int, *, parameters_only: bool = False) -> Iterator[Bench]:
    """The simulated bench of a seed, with a campaign's coupons in its rack.

    Args:
        campaign: whose coupons.
        seed: of the hidden truth and of all noise, as in a night of this seed.
        parameters_only: without structure that the model does not have.
    """
    with (
        TemporaryDirectory() as data,
        open_session(
            Instrument(),
            coupons=campaign.coupons,
            data=Path(data),
            seed=seed,
            unattended=False,
            catalog=False,
            parameters_only=parameters_only,
        ) as session,
    ):
        yield session.bench


def make_coupon(bench: Bench, suggestion: Suggestion, measurement: Measurement) -> tuple[Observation, ...]:
    """Writes, heat-treats and measures one coupon."""
    runs: Any = [
        _written(bench, suggestion),
        _heated(bench, suggestion),
        _measured(bench, suggestion, measurement),
    ]
    _carry(bench, suggestion.coupon.serial, "rack")
    return observations_of(runs)


def _wait(bench: Bench, duration_s: float) -> None:
    clock = bench.clock
    assert isinstance(clock, DiscreteEventClock)  # a simulated bench has no other
    clock.advance(duration_s)


def _carry(bench: Bench, serial: str, station: Any) -> None:
    if bench.changer.driver.station_of(serial) != station:
        _wait(bench, bench.changer.driver.start_transfer(serial, station))


def _go(bench: Bench, place_mm: tuple[float, float, float]) -> None:
    stage = bench.stage.driver
    axes = zip(("x", "y", "z"), place_mm, strict=True)
    _wait(bench, max(stage.start_move(axis, target) for axis, target in axes if stage.position_mm(axis) != target))


def _written(bench: Bench, suggestion: Suggestion) -> HandRun:
    run = HandRun(
        {
            "purpose": "writing",
            "coupon": suggestion.coupon.model_dump(mode="json"),
            "sites": {one.site.name: one.site.model_dump(mode="json") for one in suggestion.sites},
            "recipes": {name: one.model_dump(mode="json") for name, one in suggestion.recipes().items()},
        }
    )
    _carry(bench, suggestion.coupon.serial, "stage")
    for one in suggestion.sites:
        _write_site(bench, run, one.site.name, (one.site.x_mm, one.site.y_mm), one.writing)
    return run


def _write_site(bench: Bench, run: HandRun, name: str, place_mm: tuple[float, float], writing: Dot | Line) -> None:
    laser, stage = bench.laser.driver, bench.stage.driver
    _wait(bench, laser.start_pulse_energy(writing.pulse_energy_uJ))
    _wait(bench, laser.start_repetition_rate(writing.repetition_rate_kHz))
    length_mm = writing.length_mm if isinstance(writing, Line) else 0.0
    begin_mm = bench.geometry.under_laser(place_mm[0] - length_mm / 2, place_mm[1], writing.depth_mm)
    for _ in range(writing.n_passes):
        _go(bench, begin_mm)
        run.add("intents", site_name=name)
        if isinstance(writing, Line):
            laser.open_output()
            _wait(bench, stage.start_line(begin_mm[0] + length_mm, begin_mm[1], writing.speed_mm_s))
            laser.close_output()
        else:
            _wait(bench, laser.start_exposure(writing.exposure_s))
        run.add("exposures", site_name=name, laser_power_at_sample_W=laser.power_at_sample_W)


def _heated(bench: Bench, suggestion: Suggestion) -> HandRun:
    treatment = suggestion.heat_treatment
    run = HandRun({"purpose": "heat_treatment"})
    _carry(bench, suggestion.coupon.serial, "furnace")
    furnace = bench.furnace
    _ramp(bench, run, treatment, treatment.temperature_C)
    hold_s = max(treatment.hold_s - furnace.settle_s, 0.0)
    n_samples = max(math.ceil(hold_s / SAMPLE_EVERY_S), 1)
    for _ in range(n_samples):
        _wait(bench, hold_s / n_samples)
        _sample(bench, run)
    _ramp(bench, run, treatment, bench.geometry.unload_C - UNLOAD_MARGIN_BANDS * furnace.band_C)
    furnace.driver.standby()
    _sample(bench, run)
    return run


def _ramp(bench: Bench, run: HandRun, treatment: HeatTreatment, target_C: float) -> None:
    """To a temperature and settled there; as in a night that is seen at the next sample only."""
    furnace = bench.furnace
    furnace.driver.start_ramp(target_C, treatment.ramp_C_min)
    _sample(bench, run)
    in_band_s = 0.0
    while in_band_s <= furnace.settle_s:
        for _ in range(round(SAMPLE_EVERY_S / furnace.poll_s)):
            _wait(bench, furnace.poll_s)
            is_in_band = abs(furnace.driver.temperature_C - target_C) <= furnace.band_C
            in_band_s = in_band_s + furnace.poll_s if is_in_band or in_band_s > furnace.settle_s else 0.0
        _sample(bench, run)


def _sample(bench: Bench, run: HandRun) -> None:
    run.add("furnace", clock_s=bench.clock.now_s, furnace_temperature_C=bench.furnace.driver.temperature_C)


def _measured(bench: Bench, suggestion: Suggestion, measurement: Measurement) -> HandRun:
    spectrometer = bench.spectrometer.driver
    run = HandRun(
        {"purpose": "measurement"},
        configuration={
            "spectrometer_wavelength_nm": spectrometer.wavelength_nm,
            "spectrometer_saturation_counts": spectrometer.saturation_counts,
            "spectrometer_read_noise_counts": spectrometer.read_noise_counts,
            "spectrometer_gain_counts_per_electron": spectrometer.gain_counts_per_electron,
        },
    )
    _carry(bench, suggestion.coupon.serial, "stage")
    shortest_s = bench.geometry.limits.integration_s[0]
    _wait(bench, spectrometer.switch_lamp(on=True))
    used = set()
    for one in suggestion.sites:
        _go(bench, bench.geometry.under_spectrometer(one.site.x_mm, one.site.y_mm))
        integration_s = measurement.integration_s
        _acquire(bench, integration_s, measurement.n_averages)
        while spectrometer.n_saturated and integration_s > shortest_s:
            integration_s = max(integration_s / SHORTER, shortest_s)
            _acquire(bench, integration_s, measurement.n_averages)
        used.add(integration_s)
        _spectrum(bench, run, "spectra", one.site.name, (integration_s, measurement.n_averages))
    spectrometer.switch_lamp(on=False)
    for integration_s in sorted(used):
        _acquire(bench, integration_s, measurement.n_averages)
        _spectrum(bench, run, "dark", "", (integration_s, measurement.n_averages))
    return run


def _acquire(bench: Bench, integration_s: float, n_averages: int) -> None:
    _wait(bench, bench.spectrometer.driver.start_acquisition(integration_s, n_averages))


def _spectrum(bench: Bench, run: HandRun, stream: str, name: str, exposure: tuple[float, int]) -> None:
    run.add(
        stream,
        site_name=name,
        spectrometer_counts=bench.spectrometer.driver.counts,
        spectrometer_integration_s=exposure[0],
        spectrometer_n_averages=exposure[1],
    )
