"""Decays of photoluminescence: photons of each place by their time after the pulse, through each filter.

Duration: per place travel + per filter 1 s + up to duration_s (less where the peak has its counts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import MsgGenerator
from pydantic import Field

from beamline.recipe import as_plain, quantity
from plans.calibrating import within
from plans.counting import count_at
from plans.experiment import Experiment, ExperimentRefusedError, checked
from plans.reach import check_under_head
from plans.write import load_on_stage

__all__ = ["pl_decay"]


@checked
def pl_decay(
    experiment: Experiment,
    places_mm: Mapping[str, tuple[float, float]],
    *,
    filters: Annotated[Sequence[str], Field(min_length=1)] = ("all",),
    bin_width_ns: Annotated[float, quantity("ns", "of the histogram", ge=0.001, le=1000)] = 0.128,
    excitation_rate_kHz: Annotated[float, quantity("kHz", "of the pulses", ge=1, le=80000)] = 1000.0,
    excitation_percent: Annotated[float, quantity("%", "of the diode's full power", ge=0, le=100)] = 20.0,
    duration_s: Annotated[float, quantity("s", "the longest that is counted", ge=0.1, le=3600)] = 60.0,
    stop_counts: Annotated[float, quantity("photons", "in the highest bin; 0: never", ge=0, le=1e6)] = 20000.0,
) -> MsgGenerator[str]:
    """Fig. 2c: one run, `purpose="decay"`, stream `decays`, an event for each place and filter, with the response.

    Choose pulses at least five lifetimes apart where the instrument allows it; the fit takes earlier pulses into account.

    Returns:
        uid of the run.

    Raises:
        ExperimentRefusedError: at the call, for a place outside the coupon or a filter that there is not.
        RefusedError: the instrument has no lifetime counter.
    """
    bench, coupon = experiment.bench, experiment.coupon
    counter = bench.need_lifetime()
    outside = [n for n, (x, y) in places_mm.items() if not (0 <= x <= coupon.width_mm and 0 <= y <= coupon.height_mm)]
    unknown = [name for name in filters if name not in counter.driver.filters]
    if outside or unknown:
        wrong = (
            f"{outside} outside the coupon"
            if outside
            else f"no filter {unknown}; there are {list(counter.driver.filters)}"
        )
        raise ExperimentRefusedError(f"pl_decay: {wrong}; nothing has moved")
    limits = bench.geometry.limits
    check_under_head("pl_decay", bench, places_mm.values())
    for what, value, allowed, unit in (
        ("width of a bin", bin_width_ns, limits.lifetime_bin_width_ns, "ns"),
        ("pulse rate", excitation_rate_kHz, limits.excitation_rate_kHz, "kHz"),
        ("power", excitation_percent, limits.excitation_percent, "%"),
        ("duration", duration_s, limits.lifetime_duration_s, "s"),
        ("counts at which it stops", stop_counts, limits.lifetime_stop_counts, "photons"),
    ):
        within(f"pl_decay: {what}", [value], allowed, unit)
    about = {
        "name": "pl_decay",
        "parameters": {"places_mm": {n: list(p) for n, p in places_mm.items()}, "filters": list(filters)},
        "estimated_s": len(places_mm) * len(filters) * (duration_s + 1.0),
    }

    def lit() -> MsgGenerator[None]:
        yield from bps.mv(counter.excitation, "on")
        for name, place in places_mm.items():
            yield from count_at(bench, counter, name, place, filters)

    def dark() -> MsgGenerator[None]:
        yield from bps.mv(counter.excitation, "off")

    def plan() -> MsgGenerator[str]:
        yield from load_on_stage(bench, coupon.serial)
        yield from bps.mv(counter.bin_width_ns, bin_width_ns)
        yield from bps.mv(counter.excitation_rate_kHz, excitation_rate_kHz)
        yield from bps.mv(counter.excitation_percent, excitation_percent)
        yield from bps.mv(counter.duration_s, duration_s, counter.stop_counts, stop_counts)
        start = experiment.label.metadata("decay", bench.clock.now_s)
        uid = yield from bps.open_run({**start, "coupon": as_plain(coupon), "experiment": about})
        yield from bpp.finalize_wrapper(lit(), dark)
        yield from bps.close_run()
        return str(uid)

    return plan()
