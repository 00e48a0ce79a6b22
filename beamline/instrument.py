"""What one instrument is: the model of `instrument.toml`. Without a file it is the simulated bench with its defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from beamline.bench_file import BenchSettings
from beamline.campaign import Campaign, InstrumentTimes
from beamline.notify import NotifySettings
from beamline.problems import BadFileError, InconsistentError, Problem, load_toml
from beamline.recipe import ROOM_TEMPERATURE_C, Frozen, Serial, quantity
from devices import Geometry

DOOR_MARGIN_C = 15.0
"""A furnace comes near its surroundings slowly; this far above them it arrives within four time constants."""

__all__ = ["Instrument", "InstrumentFileError", "TwinSettings", "beyond_reach", "load_instrument"]


class TwinSettings(Frozen):
    """The simulated bench."""

    seed: (
        Annotated[
            int, Field(strict=True, ge=0, le=2**32 - 1, description="of its hidden truth; absent: the campaign's")
        ]
        | None
    ) = None


class Instrument(Frozen):
    """One instrument: its name, what it is, where things are on it, and how long its moves take.

    `kind` says whether it is the simulated bench (`twin`) or one of instruments (`bench`), whose drivers `[bench]` names.
    """

    name: Serial = "simulated-bench"
    kind: Literal["twin", "bench"] = "twin"
    twin: TwinSettings = TwinSettings()
    bench: BenchSettings | None = None
    geometry: Geometry = Geometry()
    times: InstrumentTimes = InstrumentTimes()
    laser_power_max_W: Annotated[float, quantity("W", "the laser's average power at its highest", gt=0, le=1000)] = 20.0
    calibrated: dict[Literal["laser", "stage", "furnace", "spectrometer"], date] = Field(
        default_factory=dict, description="the day on which each was calibrated last"
    )

    notify: NotifySettings = NotifySettings()

    @property
    def drivers(self) -> Mapping[str, str]:
        """By role, the name of its driver, for the records; of the simulated bench all are the twin's."""
        roles = ("laser", "stage", "furnace", "changer", "spectrometer", "lifetime", "camera")
        return dict.fromkeys(roles, "twin") if self.bench is None else self.bench.drivers

    @model_validator(mode="after")
    def _is_whole(self) -> Instrument:
        if self.kind == "bench" and self.bench is None:
            text = 'is missing; an instrument of kind "bench" names the driver of each role under [bench]'
            raise InconsistentError([Problem("bench", text)])
        if self.kind == "twin" and self.bench is not None:
            text = 'is given for the simulated bench; write kind = "bench" above, or take the table away'
            raise InconsistentError([Problem("bench", text)])
        return self


class InstrumentFileError(BadFileError):
    """An instrument file that cannot be used; `problems` holds one for each mistake.

    To do: mend each key that is named; `vitrail doctor --instrument FILE` checks again.
    """


def load_instrument(path: Path | str) -> Instrument:
    """Read and check an instrument file.

    Raises:
        InstrumentFileError: it cannot be read, is not TOML, or says something that is not allowed.
    """
    return load_toml(path, Instrument, InstrumentFileError)


def beyond_reach(campaign: Campaign, instrument: Instrument) -> tuple[Problem, ...]:
    """What a campaign asks for and this instrument cannot do; empty where it can do all."""
    return (
        *_settings_beyond(campaign, instrument),
        *_places_beyond(campaign, instrument),
        *_decays_beyond(campaign, instrument),
        *_door_beyond(instrument),
        *_faults_beyond(campaign, instrument),
    )


def _decays_beyond(campaign: Campaign, instrument: Instrument) -> Iterator[Problem]:
    """Decays that nothing can count, or not so."""
    decay, limits = campaign.measuring.decay, instrument.geometry.limits
    if decay is None:
        return
    if instrument.drivers.get("lifetime") == "none":
        wished = " and ".join(campaign.objective.lifetime_phases())
        why = f"the objective speaks of the {wished} lifetime" if wished else "measurement.decay asks for decays"
        yield Problem(
            "objective" if wished else "measurement.decay",
            f"{why}, and instrument {instrument.name} has no lifetime counter; leave it out, or name a driver under "
            "[bench.lifetime]",
        )
        return
    for key, value, (least, most), unit in (
        ("duration_s", decay.duration_s, limits.lifetime_duration_s, "s"),
        ("stop_counts", decay.stop_counts, limits.lifetime_stop_counts, "photons"),
        ("bin_width_ns", decay.bin_width_ns, limits.lifetime_bin_width_ns, "ns"),
        ("excitation_rate_kHz", decay.excitation_rate_kHz, limits.excitation_rate_kHz, "kHz"),
        ("excitation_percent", decay.excitation_percent, limits.excitation_percent, "%"),
    ):
        if not least <= value <= most:
            text = f"{value:g} {unit} is beyond instrument {instrument.name}; it allows {least:g} to {most:g} {unit}"
            yield Problem(f"measurement.decay.{key}", text)


def _faults_beyond(campaign: Campaign, instrument: Instrument) -> Iterator[Problem]:
    """Faults on purpose, on anything but the simulated bench."""
    kind: str = instrument.kind
    if campaign.fault and kind != "twin":
        n = len(campaign.fault)
        text = (
            f"{n} given, and instrument {instrument.name} is no simulated bench (kind {kind}); take every [[fault]] out of "
            "the file, or run it on the twin"
        )
        yield Problem("fault", text)


def _door_beyond(instrument: Instrument) -> Iterator[Problem]:
    """A furnace that is to be opened at a temperature to which it never cools."""
    geometry = instrument.geometry
    least = max(geometry.limits.furnace_temperature_C[0], ROOM_TEMPERATURE_C) + DOOR_MARGIN_C
    if geometry.unload_C < least:
        text = (
            f"{geometry.unload_C:g} degC is never reached by instrument {instrument.name}; give {least:g} degC or more"
        )
        yield Problem("geometry.unload_C", text)


def _settings_beyond(campaign: Campaign, instrument: Instrument) -> Iterator[Problem]:
    space, limits = campaign.space, instrument.geometry.limits
    integration_s = campaign.measurement.integration_s
    n_averages = float(campaign.measurement.n_averages)
    pace = space.speed_mm_s if space.mode == "line" else space.exposure_s
    writing = space.writing(space.pulse_energy_uJ[0], pace[0], space.n_passes[0])
    rate_kHz = writing.repetition_rate_kHz
    focus_mm = instrument.geometry.under_laser(0, 0, writing.depth_mm)[2]
    power_W, most_W = space.pulse_energy_uJ[1] * rate_kHz * 1e-3, instrument.laser_power_max_W
    if power_W > most_W:
        text = f"{space.pulse_energy_uJ[1]:g} uJ at {rate_kHz:g} kHz are {power_W:.4g} W"
        yield Problem(
            "space.pulse_energy_uJ", f"{text}; the laser of instrument {instrument.name} gives {most_W:g} W at most"
        )
    asked = [
        ("space (repetition rate)", (rate_kHz, rate_kHz), limits.repetition_rate_kHz, "kHz"),
        ("space (stage z of the focus)", (focus_mm, focus_mm), limits.z_mm, "mm"),
        ("space.pulse_energy_uJ", space.pulse_energy_uJ, limits.pulse_energy_uJ, "uJ"),
        ("space.temperature_C", space.temperature_C, limits.furnace_temperature_C, "degC"),
        ("space.ramp_C_min", (space.ramp_C_min, space.ramp_C_min), limits.furnace_ramp_C_min, "degC/min"),
        ("measurement.integration_s", (integration_s, integration_s), limits.integration_s, "s"),
        ("measurement.n_averages", (n_averages, n_averages), limits.n_averages, "exposures"),
    ]
    if space.mode == "line":
        asked.append(("space.speed_mm_s", space.speed_mm_s, limits.line_speed_mm_s, "mm/s"))
    else:
        asked.append(("space.exposure_s", space.exposure_s, limits.exposure_s, "s"))
    for key, (low, high), (least, most), unit in asked:
        for value in dict.fromkeys((low, high)):
            if not least <= value <= most:
                text = (
                    f"{value:g} {unit} is beyond instrument {instrument.name}; it allows {least:g} to {most:g} {unit}"
                )
                yield Problem(key, text)


def _places_beyond(campaign: Campaign, instrument: Instrument) -> Iterator[Problem]:
    """Coupons with corners where the stage cannot bring them."""
    geometry = instrument.geometry
    reach = (("x", geometry.limits.x_mm), ("y", geometry.limits.y_mm))
    for coupon in campaign.coupons:
        corners = (
            geometry.under_laser(0, 0, 0),
            geometry.under_laser(coupon.width_mm, coupon.height_mm, 0),
            geometry.under_spectrometer(0, 0),
            geometry.under_spectrometer(coupon.width_mm, coupon.height_mm),
        )
        for axis, (name, (least, most)) in enumerate(reach):
            if any(not least <= corner[axis] <= most for corner in corners):
                size = f"{coupon.width_mm:g} x {coupon.height_mm:g} mm"
                text = (
                    f"coupon {coupon.serial} ({size}) does not fit the travel of {name} of instrument {instrument.name}"
                )
                yield Problem("coupon", f"{text}, {least:g} to {most:g} mm")
