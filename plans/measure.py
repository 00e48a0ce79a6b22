"""Photoluminescence of the sites of a coupon: integration time found by itself, dark spectra for each one used.

Duration: per site travel + integration_s x n_averages (again at a fifth for each time the detector was full); then the
dark spectra, one for each integration time that was used. Where decays are asked for, per site travel + per phase 1 s + up to
duration_s (less where the peak has its counts).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TypeVar

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import MsgGenerator

from beamline.campaign.left import GIVEN_UP
from beamline.recipe import DecayMeasurement, Measurement, Site, as_plain
from devices import Bench, Lifetime
from plans.counting import count_at, counter_for, set_counter
from plans.documents import OF_SPECTRA, CouponInHand, event_of, registered_metadata, valid_metadata
from plans.policy import FaultKeeper, LeftOutError

__all__ = ["measure_coupon"]

T = TypeVar("T")
SHORTER = 5.0
"""Factor by which the integration time falls when pixels were full."""


def measure_coupon(
    bench: Bench,
    hand: CouponInHand,
    measurement: Measurement,
    keeper: FaultKeeper | None = None,
    *,
    more_darks_s: Collection[float] = (),
    more_decays: Sequence[Site] = (),
) -> MsgGenerator[str]:
    """One run, `purpose="measurement"`: streams `spectra`, an event a site, and `dark`, an event an integration time.

    Where the measurement asks for decays, then the stream `decays`, an event a site and phase. The coupon in hand lies on the
    stage. Lamp and pulsed excitation are off when it ends, however it ends.

    Args:
        bench: the devices.
        hand: the coupon, with the sites that are to be measured.
        measurement: how.
        keeper: says what becomes of a site that fails; None ends the plan.
        more_darks_s: integration times for which a dark is wanted too, of spectra of an earlier run.
        more_decays: sites of which only the decays are missing.

    Returns:
        uid of the run.

    Raises:
        RefusedError: the lamp cannot be switched by the driver, or there is no counter for the decays.
        LeftOutError: the policy leaves out the coupon; the run has its end.
    """
    keeper = keeper or FaultKeeper(bench)
    bench.spectrometer.require("lamp", purpose="photoluminescence with darks")
    counter = None if measurement.decay is None else counter_for(bench, measurement.decay)
    metadata = hand.metadata("measurement", bench.clock.now_s)
    metadata |= {
        "measurement": as_plain(measurement),
        **valid_metadata(bench, *OF_SPECTRA),
        **registered_metadata(bench),
    }
    uid = yield from bps.open_run(metadata)

    def lit() -> MsgGenerator[set[float]]:
        used: set[float] = set()
        yield from keeper.attempt("measure", lambda: bps.mv(bench.spectrometer.lamp, "on"), in_run=True)
        for site in hand.sites.values():
            integration_s = yield from _unless_skipped(
                keeper,
                lambda site=site: _measure_site(bench, site, measurement),  # type: ignore[misc]  # bound now
            )
            used |= set() if integration_s is None else {integration_s}
        return used

    def lamp_off() -> MsgGenerator[None]:
        yield from bps.mv(bench.spectrometer.lamp, "off")

    def averages() -> MsgGenerator[None]:
        yield from bps.mv(bench.spectrometer.n_averages, measurement.n_averages)

    try:
        yield from keeper.attempt("measure", averages, in_run=True)
        used = (yield from bpp.finalize_wrapper(lit(), lamp_off)) if hand.sites else set()
        for integration_s in sorted(used | set(more_darks_s)):
            yield from _unless_skipped(
                keeper,
                lambda integration_s=integration_s: _measure_dark(bench, integration_s),  # type: ignore[misc]
            )
        if measurement.decay is not None and counter is not None:
            yield from _decays(bench, counter, (*more_decays, *hand.sites.values()), measurement.decay, keeper)
    except LeftOutError as left_out:
        yield from bps.close_run(exit_status="fail", reason=f"{GIVEN_UP}{left_out}")
        raise
    yield from bps.close_run()
    return str(uid)


def _decays(
    bench: Bench, counter: Lifetime, sites: Sequence[Site], decay: DecayMeasurement, keeper: FaultKeeper
) -> MsgGenerator[None]:
    """The stream `decays`; the pulsed excitation is off when it ends."""

    def settings() -> MsgGenerator[None]:
        yield from set_counter(counter, decay)
        yield from bps.mv(counter.excitation, "on")

    def count(site: Site) -> MsgGenerator[None]:
        bench.changer.check_stands()  # the glow of an empty stage is no glass without luminescence
        yield from count_at(bench, counter, site.name, (site.x_mm, site.y_mm), decay.phases or ("red", "green"))

    def all_of_them() -> MsgGenerator[None]:
        yield from keeper.attempt("measure", settings, in_run=True)
        for site in sites:
            yield from _unless_skipped(keeper, partial(count, site))

    def off() -> MsgGenerator[None]:
        yield from bps.mv(counter.excitation, "off")

    if sites:
        yield from bpp.finalize_wrapper(all_of_them(), off)


def _unless_skipped(keeper: FaultKeeper, make: Callable[[], MsgGenerator[T]]) -> MsgGenerator[T | None]:
    """What can be had of one site, or None where the policy goes on without it."""
    try:
        return (yield from keeper.attempt("measure", make, in_run=True))
    except LeftOutError as left_out:
        if left_out.then != "skip_site":
            raise
        return None


def _measure_dark(bench: Bench, integration_s: float) -> MsgGenerator[None]:
    """One event of `dark`, under no site."""
    yield from bps.mv(bench.site_name, "", bench.spectrometer.integration_s, integration_s)
    yield from bps.trigger(bench.spectrometer, wait=True)
    yield from _event(bench, "dark")


def _measure_site(bench: Bench, site: Site, measurement: Measurement) -> MsgGenerator[float]:
    """One event of `spectra`; returns the integration time that it was taken with, s."""
    spectrometer, stage = bench.spectrometer, bench.stage
    shortest_s = bench.geometry.limits.integration_s[0]
    x_mm, y_mm, z_mm = bench.geometry.under_spectrometer(site.x_mm, site.y_mm)
    bench.changer.check_stands()  # the dark of an empty stage is no glass without luminescence
    yield from bps.mv(bench.site_name, site.name)
    yield from bps.mv(stage.x_mm, x_mm, stage.y_mm, y_mm, stage.z_mm, z_mm)
    integration_s = measurement.integration_s
    while True:
        yield from bps.mv(spectrometer.integration_s, integration_s)
        yield from bps.trigger(spectrometer, wait=True)
        if spectrometer.n_saturated.get() == 0 or integration_s <= shortest_s:
            break
        integration_s = max(integration_s / SHORTER, shortest_s)
    yield from _event(bench, "spectra")
    yield from bps.checkpoint()
    return integration_s


def _event(bench: Bench, stream: str) -> MsgGenerator[None]:
    yield from event_of(stream, bench.clock_s, bench.site_name, bench.spectrometer, bench.stage)
