"""How long a coupon and a night take: travel, writing, ramps, hold, cooling and measuring, added up from the recipe.

The instrument's part stands in `InstrumentTimes`, so that the session can fill it from the instrument at hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from beamline.campaign.file import Campaign
from beamline.optimize.space import SearchSpace
from beamline.recipe import (
    ROOM_TEMPERATURE_C,
    Coupon,
    Dot,
    Frozen,
    HeatTreatment,
    Line,
    Measurement,
    Site,
    Suggestion,
    quantity,
)

__all__ = [
    "InstrumentTimes",
    "NightCase",
    "NightEstimate",
    "Phase",
    "PhaseName",
    "coupon_hours",
    "coupon_phases",
    "estimate_night",
    "suggestion_phases",
]

PhaseName = Literal["decide", "load", "write", "carry", "ramp_up", "hold", "cool", "measure", "unload"]
"""What a coupon goes through, in this order; `carry` is to the furnace, and the way back belongs to `measure`."""


class InstrumentTimes(Frozen):
    """What an instrument takes for its moves. The defaults are those of the simulated bench."""

    decide_s: Annotated[float, quantity("s", "the optimiser's thinking, per coupon", ge=0, le=1e5)] = 0.0
    transfer_s: Annotated[float, quantity("s", "a coupon from one station to another", ge=0, le=1e5)] = 40.0
    door_s: Annotated[float, quantity("s", "more, to or from the furnace", ge=0, le=1e5)] = 20.0
    travel_mm_s: Annotated[float, quantity("mm/s", "stage speed between sites", ge=0.01, le=10000)] = 20.0
    settle_s: Annotated[float, quantity("s", "stage, after each move", ge=0, le=1e5)] = 0.1
    attenuator_s: Annotated[float, quantity("s", "setting the pulse energy, per site", ge=0, le=1e5)] = 0.5
    lamp_s: Annotated[float, quantity("s", "excitation lamp, until it is steady", ge=0, le=1e5)] = 1.0
    readout_s: Annotated[float, quantity("s", "spectrometer, per exposure", ge=0, le=1e5)] = 0.005
    diode_s: Annotated[float, quantity("s", "pulsed excitation, until it is steady", ge=0, le=1e5)] = 2.0
    filter_s: Annotated[float, quantity("s", "lifetime counter's filter, per decay", ge=0, le=1e5)] = 1.0
    heating_max_C_min: Annotated[float, quantity("degC/min", "the furnace's own limit upwards", ge=0.1, le=1000)] = 25.0
    cooling_time_constant_s: Annotated[
        float, quantity("s", "heater off: time for (T - room) to fall e-fold", ge=1, le=1e6)
    ] = 600.0
    cooled_C: Annotated[float, quantity("degC", "the coupon is taken out when cooled to this", ge=30, le=200)] = 56.0
    furnace_settle_s: Annotated[
        float, quantity("s", "until a temperature counts as reached; at the top it is part of the hold", ge=0, le=1e5)
    ] = 90.0


class Phase(Frozen):
    """A part of a coupon's time."""

    name: PhaseName
    duration_s: Annotated[float, quantity("s", ge=0)]


class NightCase(Frozen):
    """One way the night may go."""

    n_coupons: Annotated[int, Field(ge=0)]
    phases: tuple[Phase, ...]
    """Of one coupon, the largest at hand."""
    duration_s: Annotated[float, quantity("s", ge=0)]
    end: datetime


class NightEstimate(Frozen):
    """How long a night takes when every choice of the optimiser is the quickest, a middle one, or the slowest."""

    start: datetime
    shortest: NightCase
    expected: NightCase
    longest: NightCase


def estimate_night(campaign: Campaign, times: InstrumentTimes, start: datetime) -> NightEstimate:
    """What a campaign takes on an instrument when it starts at `start` and no target stops it early.

    The middle choice is the middle of the intervals of temperature, hold and passes, and the geometric middle of speed
    or exposure. A clock time or a number of hours in `[stop]` keeps further coupons from being started.

    Raises:
        ValueError: `start` has no time zone.
    """
    deadline_s = campaign.stop.deadline_s(start)
    coupons = campaign.coupons
    widest = max(coupons, key=lambda c: (c.width_mm * c.height_mm, c.serial))
    sites = campaign.layout(widest)

    def case(quick: float) -> NightCase:
        writing, heat_treatment = _choice(campaign.space, quick)
        phases = coupon_phases(sites, [writing] * len(sites), heat_treatment, campaign.measuring, times)
        coupon_s = sum(phase.duration_s for phase in phases)
        n = campaign.n_coupons_max
        if deadline_s is not None:
            n = min(n, max(math.ceil(deadline_s / coupon_s), 1))  # a quotient of the smallest numbers is 0
        return NightCase(n_coupons=n, phases=phases, duration_s=n * coupon_s, end=_later(start, n * coupon_s))

    return NightEstimate(start=start, shortest=case(1.0), expected=case(0.5), longest=case(0.0))


def coupon_phases(
    sites: Sequence[Site],
    writings: Sequence[Dot | Line],
    heat_treatment: HeatTreatment,
    measurement: Measurement,
    times: InstrumentTimes,
) -> tuple[Phase, ...]:
    """Phases of one coupon, in order.

    Args:
        sites: in the order in which they are written and measured.
        writings: one for each site.
        heat_treatment: shared by all.
        measurement: shared by all; one dark spectrum is taken in addition, and decays are counted for as long as they may.
        times: of the instrument.
    """
    travel_s = sum(math.dist((a.x_mm, a.y_mm), (b.x_mm, b.y_mm)) for a, b in pairwise(sites)) / times.travel_mm_s
    moves_s = travel_s + len(sites) * times.settle_s
    acquisition_s = (measurement.integration_s + times.readout_s) * measurement.n_averages
    ramp_up_C_min = min(heat_treatment.ramp_C_min, times.heating_max_C_min)
    decays_s = 0.0
    if measurement.decay is not None:
        of_site_s = len(measurement.decay.phases or ("red", "green")) * (times.filter_s + measurement.decay.duration_s)
        decays_s = times.diode_s + moves_s + len(sites) * of_site_s
    durations: dict[PhaseName, float] = {
        "decide": times.decide_s,
        "load": times.transfer_s,
        "write": moves_s + sum(_writing_s(writing, times) for writing in writings),
        "carry": times.transfer_s + times.door_s,
        "ramp_up": (heat_treatment.temperature_C - ROOM_TEMPERATURE_C) / ramp_up_C_min * 60.0,
        "hold": heat_treatment.hold_s,
        "cool": _cooling_s(heat_treatment, times) + times.furnace_settle_s,
        "measure": (
            times.transfer_s + times.door_s + times.lamp_s + moves_s + (len(sites) + 1) * acquisition_s + decays_s
        ),
        "unload": times.transfer_s,
    }
    return tuple(Phase(name=name, duration_s=duration_s) for name, duration_s in durations.items())


def suggestion_phases(suggestion: Suggestion, measurement: Measurement, times: InstrumentTimes) -> tuple[Phase, ...]:
    """Phases of a suggested coupon: the plan against which a report sets what happened."""
    sites = [s.site for s in suggestion.sites]
    writings = [s.writing for s in suggestion.sites]
    return coupon_phases(sites, writings, suggestion.heat_treatment, measurement, times)


def coupon_hours(campaign: Campaign, times: InstrumentTimes) -> Callable[[Coupon, HeatTreatment], float]:
    """What a coupon with a heat treatment costs, h; the optimiser divides what it expects to gain by it.

    Hours count from the night's fair share for each of its coupons upwards: what a coupon leaves of its share brings no
    further coupon. Where no time is set, the share is that of a coupon in the middle of the space: among quick treatments the
    better one is taken, and a slow one must bring more.
    """

    def whole_h(coupon: Coupon, heat_treatment: HeatTreatment) -> float:
        sites = campaign.layout(coupon)
        phases = coupon_phases(sites, [middle] * len(sites), heat_treatment, measuring, times)
        return sum(phase.duration_s for phase in phases) / 3600.0

    middle, in_the_middle = _choice(campaign.space, 0.5)
    measuring = campaign.measuring
    if campaign.stop.max_hours is not None:
        share_h = campaign.stop.max_hours / campaign.n_coupons_max
    else:
        share_h = whole_h(campaign.coupons[0], in_the_middle)
    return lambda coupon, heat_treatment: max(whole_h(coupon, heat_treatment), share_h)


def _writing_s(writing: Dot | Line, times: InstrumentTimes) -> float:
    """Time at one site, s; a line is written in one direction, so that the stage goes back between passes."""
    if isinstance(writing, Dot):
        return times.attenuator_s + writing.n_passes * writing.exposure_s
    back_s = writing.length_mm / times.travel_mm_s + times.settle_s
    passes_s = writing.n_passes * writing.length_mm / writing.speed_mm_s + (writing.n_passes - 1) * back_s
    return times.attenuator_s + passes_s


def _cooling_s(heat_treatment: HeatTreatment, times: InstrumentTimes) -> float:
    """Time from the end of the hold until the coupon may be taken out, s, without settling.

    The controller follows its ramp while the furnace loses heat fast enough for it, that is down to where Newton's law
    of cooling, dT/dt = -(T - T_room) / time constant, gives just that rate; from there on it cools by itself.
    """
    ramp_C_s = heat_treatment.ramp_C_min / 60.0
    free_C = ROOM_TEMPERATURE_C + ramp_C_s * times.cooling_time_constant_s
    handover_C = min(max(free_C, times.cooled_C), heat_treatment.temperature_C)
    ramped_s = (heat_treatment.temperature_C - handover_C) / ramp_C_s
    excess = (handover_C - ROOM_TEMPERATURE_C) / (times.cooled_C - ROOM_TEMPERATURE_C)
    return ramped_s + times.cooling_time_constant_s * math.log(max(excess, 1.0))


def _choice(space: SearchSpace, quick: float) -> tuple[Dot | Line, HeatTreatment]:
    """A choice within the space: 1 the quickest, 0 the slowest, 0.5 the middle."""

    def arithmetic(low: float, high: float, at: float) -> float:
        return low if low == high else min(max(low + at * (high - low), low), high)

    def geometric(low: float, high: float, at: float) -> float:
        return low if low == high else min(max(low * (high / low) ** at, low), high)

    def of(interval: tuple[float, float], at: float, mean: Callable[[float, float, float], float]) -> float:
        return mean(interval[0], interval[1], at)

    pace = (
        of(space.speed_mm_s, quick, geometric) if space.mode == "line" else of(space.exposure_s, 1 - quick, geometric)
    )
    n_passes = round(of(space.n_passes, 1 - quick, arithmetic))
    energy_uJ = of(space.pulse_energy_uJ, 0.5, arithmetic)  # of no consequence for the time
    heat_treatment = HeatTreatment(
        temperature_C=of(space.temperature_C, 1 - quick, arithmetic),
        hold_s=of(space.hold_s, 1 - quick, arithmetic),
        ramp_C_min=space.ramp_C_min,
    )
    return space.writing(energy_uJ, pace, n_passes), heat_treatment


def _later(start: datetime, seconds: float) -> datetime:
    """Clock time `seconds` after `start`, across a change to or from summer time too."""
    return (start.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(start.tzinfo)
