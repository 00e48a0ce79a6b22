"""What holds for every driver of a lifetime counter."""

from __future__ import annotations

from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import numpy as np
import pytest

from devices import Histogram, Lifetime
from devices.twin.counter import PULSE_ns

from .conftest import Rig


def steady(rig: Rig) -> None:
    rig.until(lambda: not rig.driver.is_busy, 60.0)


def take(rig: Rig, duration_s: float, stop_at_counts: float = 0.0) -> Histogram:
    rig.driver.start_acquisition(duration_s, stop_at_counts)
    assert rig.driver.is_busy
    rig.until(lambda: not rig.driver.is_busy, 20 * duration_s + 100.0)
    return rig.driver.histogram


def test_it_says_what_it_is(lifetime: Rig) -> None:
    driver = lifetime.driver
    assert driver.excitation_nm in {375.0, 405.0}
    assert driver.filters[0] == driver.filter == "all"
    assert driver.bin_width_ns == pytest.approx(0.128)
    assert driver.excitation_rate_kHz == 1000.0
    assert driver.is_busy is False
    histogram = driver.histogram
    assert histogram.counts.shape == histogram.response.shape == (4096,)
    assert not histogram.counts.any()
    assert (histogram.acquisition_s, histogram.stopped_by, histogram.warning) == (0.0, "", "")
    assert "instrument response" in driver.capabilities
    assert histogram.response.sum() == pytest.approx(1.0)
    middle_ns = (np.arange(4096) + 0.5) @ histogram.response * histogram.bin_width_ns
    assert middle_ns == pytest.approx(PULSE_ns, abs=0.1)


def test_without_light_there_are_dark_counts_for_the_whole_time(lifetime: Rig) -> None:
    lifetime.driver.switch_excitation(False)  # noqa: FBT003  # a switch has two positions
    histogram = take(lifetime, 20.0)
    assert histogram.stopped_by == "time"
    assert histogram.acquisition_s == pytest.approx(20.0, abs=0.01)
    # 150 counts a second, of which a window of 0.524 of a period of 1 us is kept
    assert histogram.n_photons == pytest.approx(150 * 20 * 0.524, abs=200)
    assert histogram.counts.max() < 10
    assert histogram.photons_per_pulse < 1e-3


def test_a_decay_is_counted_until_its_peak_is_high_enough(lifetime: Rig) -> None:
    lifetime.write_lines()
    lifetime.driver.switch_excitation(True)  # noqa: FBT003  # as above
    steady(lifetime)
    histogram = take(lifetime, 100.0, 2000.0)
    assert histogram.stopped_by == "peak"
    assert histogram.counts.max() >= 2000.0
    assert histogram.acquisition_s < 100.0
    assert histogram.warning == ""
    time_ns = (np.arange(4096) + 0.5) * histogram.bin_width_ns - PULSE_ns
    dark = np.median(histogram.counts[-500:])
    light = histogram.counts - dark
    assert abs(time_ns[int(histogram.counts.argmax())]) < 2.0
    assert 10.0 < (time_ns @ light) / light.sum() < 60.0


def test_a_changed_setting_clears_the_histogram(lifetime: Rig) -> None:
    driver = lifetime.driver
    for change in (
        lambda: driver.start_filter("red"),
        lambda: driver.start_bin_width(0.256),
        lambda: driver.start_excitation_rate(500.0),
        lambda: driver.start_excitation_percent(40.0),
    ):
        assert take(lifetime, 5.0).n_photons > 0
        change()
        steady(lifetime)
        assert driver.histogram.n_photons == 0
    assert (driver.filter, driver.bin_width_ns, driver.excitation_rate_kHz) == ("red", 0.256, 500.0)
    assert driver.excitation_percent == 40.0
    histogram = take(lifetime, 5.0)
    assert (histogram.bin_width_ns, histogram.excitation_rate_kHz) == (0.256, 500.0)


def test_what_cannot_be_done_is_refused(lifetime: Rig) -> None:
    driver = lifetime.driver
    lifetime.refused(lambda: driver.start_filter("blue"), "'blue'.*all, green, red")
    driver.start_acquisition(60.0, 0.0)
    lifetime.refused(lambda: driver.start_acquisition(1.0, 0.0), "counts already.*wait for it")
    lifetime.refused(lambda: driver.start_filter("red"), "counts already.*wait for it")
    driver.abort_acquisition()


def test_an_acquisition_that_is_given_up_leaves_the_last_histogram(lifetime: Rig) -> None:
    driver = lifetime.driver
    before = take(lifetime, 5.0)
    driver.start_acquisition(600.0, 0.0)
    lifetime.pass_time(5.0)
    driver.abort_acquisition()
    assert driver.is_busy is False
    assert driver.histogram is before
    assert take(lifetime, 5.0) is not before


def test_its_device_runs_in_an_engine(lifetime: Rig) -> None:
    lifetime.write_lines()
    device = lifetime.device(Lifetime)
    device.margin_s = 2000.0
    events: list[dict[str, Any]] = []

    @bpp.run_decorator()
    def plan() -> object:
        yield from bps.mv(device.filter, "red", device.excitation_percent, 50.0, device.excitation, "on")
        yield from bps.sleep(5.0)
        yield from bps.mv(device.duration_s, 60.0, device.stop_counts, 300)
        yield from bps.trigger_and_read([device], name="decays")

    engine = lifetime.engine()
    engine.subscribe(lambda name, doc: events.append(doc["data"]) if name == "event" else None)
    engine(plan())
    (data,) = events
    assert data["lifetime_counts"].max() >= 300
    assert data["lifetime_stopped_by"] == "peak"
    assert (data["lifetime_filter"], data["lifetime_excitation_percent"]) == ("red", 50.0)
    assert data["lifetime_count_rate_Hz"] == pytest.approx(
        data["lifetime_counts"].sum() / data["lifetime_acquisition_s"]
    )
