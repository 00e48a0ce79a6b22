"""Photoluminescence of the sites of a coupon: integration time found by itself, dark spectra for each one used.

Duration: per site travel + integration_s x n_averages (again at a fifth for each time the detector was full); then the
dark spectra, one for each integration time that was used.
"""

from __future__ import annotations

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import MsgGenerator

from beamline.recipe import Measurement, Site, as_plain
from devices import Bench
from plans.documents import CouponInHand, event_of

__all__ = ["measure_coupon"]

SHORTER = 5.0
"""Factor by which the integration time falls when pixels were full."""


def measure_coupon(bench: Bench, hand: CouponInHand, measurement: Measurement) -> MsgGenerator[str]:
    """One run, `purpose="measurement"`: streams `spectra`, an event a site, and `dark`, an event an integration time.

    The coupon in hand lies on the stage. The lamp is off when it ends, however it ends.

    Returns:
        uid of the run.

    Raises:
        RefusedError: the lamp cannot be switched by the driver.
    """
    bench.spectrometer.require("lamp", purpose="photoluminescence with darks")
    metadata = hand.metadata("measurement", bench.clock.now_s)
    uid = yield from bps.open_run({**metadata, "measurement": as_plain(measurement)})

    def lit() -> MsgGenerator[set[float]]:
        used: set[float] = set()
        yield from bps.mv(bench.spectrometer.n_averages, measurement.n_averages)
        yield from bps.mv(bench.spectrometer.lamp, "on")
        for site in hand.sites.values():
            used.add((yield from _measure_site(bench, site, measurement)))
        return used

    def lamp_off() -> MsgGenerator[None]:
        yield from bps.mv(bench.spectrometer.lamp, "off")

    used = yield from bpp.finalize_wrapper(lit(), lamp_off)
    for integration_s in sorted(used):
        yield from bps.mv(bench.site_name, "", bench.spectrometer.integration_s, integration_s)
        yield from bps.trigger(bench.spectrometer, wait=True)
        yield from _event(bench, "dark")
    yield from bps.close_run()
    return str(uid)


def _measure_site(bench: Bench, site: Site, measurement: Measurement) -> MsgGenerator[float]:
    """One event of `spectra`; returns the integration time that it was taken with, s."""
    spectrometer, stage = bench.spectrometer, bench.stage
    shortest_s = bench.geometry.limits.integration_s[0]
    x_mm, y_mm, z_mm = bench.geometry.under_spectrometer(site.x_mm, site.y_mm)
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
