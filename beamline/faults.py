"""The words of a fault schedule: what is to fail on the simulated bench, of which kind, and when.

A campaign file writes an entry as `[[fault]]`; a test makes them itself. What each kind does:
docs/how-to/try-what-happens-when-something-fails.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from beamline.problems import InconsistentError, Problem, shown
from beamline.recipe import Frozen, quantity

__all__ = ["CALLS", "FaultEntry", "FaultKind", "FaultRole", "FaultSchedule"]

FaultRole = Literal["laser", "stage", "furnace", "spectrometer", "lifetime", "camera", "changer"]
FaultKind = Literal["silent", "late", "garbage", "refuse", "stuck", "drift", "drop", "restart"]

CALLS: Mapping[str, tuple[str, ...]] = {
    "laser": (
        *("start_pulse_energy", "start_repetition_rate", "start_exposure", "open_output", "close_output"),
        *("pulse_energy_uJ", "repetition_rate_kHz", "power_at_sample_W", "pulses_delivered", "pulses_delivered_sd"),
        *("is_output_open", "is_busy"),
    ),
    "stage": (
        *("start_move", "start_line", "switch_gate", "stop", "start_home"),
        *("position_mm", "is_moving", "is_gate_open", "is_homed"),
    ),
    "furnace": (
        *("start_ramp", "hold", "standby"),
        *("temperature_C", "setpoint_C", "target_C", "is_sensor_ok", "is_on"),
    ),
    "spectrometer": (
        *("start_acquisition", "abort_acquisition", "switch_lamp", "switch_line_lamp"),
        *("counts", "n_saturated", "is_lamp_on", "is_line_lamp_on", "is_busy"),
    ),
    "lifetime": (
        *("start_bin_width", "start_excitation_rate", "start_excitation_percent", "start_filter"),
        *("switch_excitation", "start_acquisition", "abort_acquisition"),
        *("histogram", "bin_width_ns", "excitation_rate_kHz", "excitation_percent", "filter"),
        *("is_excitation_on", "is_busy"),
    ),
    "camera": (
        *("start_illumination", "start_filter", "start_acquisition", "abort_acquisition"),
        *("image", "n_saturated", "illumination", "filter", "is_busy"),
    ),
    "changer": ("start_transfer", "finish_transfer", "serials", "station_of", "is_busy"),
}
"""What a fault can meet, by role: commands, then readings, as `devices.protocols` names them."""


class FaultEntry(Frozen):
    """One `[[fault]]`: something that fails on purpose, on the simulated bench."""

    role: Annotated[FaultRole, Field(description="which device")]
    kind: Annotated[FaultKind, Field(description="how it fails")]
    at_s: Annotated[float, quantity("s", "from when on, on the night's clock", ge=0, le=1e6)] | None = None
    probability: Annotated[float, quantity("1", "that a call begins to fail", gt=0, le=1)] | None = None
    duration_s: Annotated[float, quantity("s", "how long; 0: one call only", ge=0, le=1e6)] = 0.0
    at_most: (
        Annotated[int, Field(strict=True, ge=1, le=1000, description="how often; by `probability` only")] | None
    ) = None
    command: Annotated[
        str, Field(description="the only call that is met; empty: all of the role but those that make safe")
    ] = ""
    delay_s: Annotated[float, quantity("s", "of `late`: how much later the answer comes", gt=0, le=1e5)] = 1.0
    size: Annotated[float, quantity("1", "of `drift`: times the usual rate; below 0 downwards", ge=-1000, le=1000)] = (
        1.0
    )

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        problems = []
        if (self.at_s is None) == (self.probability is None):
            given = "neither is given" if self.at_s is None else "both are given"
            problems.append(
                Problem(
                    "fault", f"{given} of at_s and probability ({self._name}); a fault begins by the one or the other"
                )
            )
        if self.at_most is not None and self.probability is None:
            problems.append(
                Problem("fault.at_most", f"{self.at_most} is for probability; at_s begins once ({self._name})")
            )
        if self.kind == "drift" and self.duration_s == 0:
            problems.append(
                Problem("fault.duration_s", f"0 s is too short for {self._name}; give how long it drifts, in s")
            )
        if self.command and self.command not in CALLS[self.role]:
            allowed = ", ".join(CALLS[self.role])
            problems.append(
                Problem("fault.command", f"{shown(self.command)} is no call of the {self.role}; allowed: {allowed}")
            )
        if problems:
            raise InconsistentError(problems)
        return self

    @property
    def _name(self) -> str:
        return f"{self.kind} of the {self.role}"

    def __str__(self) -> str:
        when = f"at {self.at_s:g} s" if self.at_s is not None else f"by chance, {self.probability:g} a call"
        for_s = f" for {self.duration_s:g} s" if self.duration_s else ""
        return f"{self.role}{'.' + self.command if self.command else ''}: {self.kind} {when}{for_s}"


class FaultSchedule(Frozen):
    """What is to fail in a night, and the seed of all chance in it; where two entries meet a call, the first counts."""

    entries: tuple[FaultEntry, ...] = ()
    seed: Annotated[int, Field(strict=True, ge=0, le=2**32 - 1)] = 1
