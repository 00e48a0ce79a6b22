"""Decays at places of the coupon on the stage, in a run that is open: what a measurement and the experiment of decays share."""

from __future__ import annotations

from collections.abc import Sequence

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator

from beamline.recipe import DecayMeasurement
from devices import Bench, Lifetime
from devices.errors import RefusedError
from plans.documents import event_of

__all__ = ["count_at", "counter_for", "set_counter"]


def counter_for(bench: Bench, decay: DecayMeasurement) -> Lifetime:
    """The counter, where it has the filters that are wanted.

    Raises:
        RefusedError: the instrument has no lifetime counter, or it lacks a filter.
    """
    counter = bench.need_lifetime()
    missing = [phase for phase in decay.phases or () if phase not in counter.driver.filters]
    if missing:
        raise RefusedError(
            f"lifetime: no filter for the {' and the '.join(missing)} light; the wheel has {', '.join(counter.driver.filters)}"
        )
    return counter


def set_counter(counter: Lifetime, decay: DecayMeasurement) -> MsgGenerator[None]:
    """How the next decays are counted."""
    yield from bps.mv(counter.bin_width_ns, decay.bin_width_ns)
    yield from bps.mv(counter.excitation_rate_kHz, decay.excitation_rate_kHz)
    yield from bps.mv(counter.excitation_percent, decay.excitation_percent)
    yield from bps.mv(counter.duration_s, decay.duration_s, counter.stop_counts, decay.stop_counts)


def count_at(
    bench: Bench, counter: Lifetime, name: str, place_mm: tuple[float, float], filters: Sequence[str]
) -> MsgGenerator[None]:
    """An event of the stream `decays` for each filter, at a place of the coupon."""
    x_mm, y_mm, z_mm = bench.geometry.under_spectrometer(*place_mm)
    yield from bps.mv(bench.stage.x_mm, x_mm, bench.stage.y_mm, y_mm, bench.stage.z_mm, z_mm)
    yield from bps.mv(bench.site_name, name)
    for one in filters:
        yield from bps.mv(counter.filter, one)
        yield from bps.trigger(counter, wait=True)
        yield from event_of("decays", bench.clock_s, bench.site_name, counter, bench.stage)
        yield from bps.checkpoint()
