"""The same of the lifetime counter, whose wire is a folder with files."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import until
from wire_bench import served_twin

from devices import DeadlineError, ScaledClock
from devices.drivers.counter_files import CounterFiles, CounterSettings
from devices.twin.wire import WireTwin
from devices.twin.wire.counter import CounterFolder

from .conftest import COUPONS


class FaultyFolder(CounterFolder):
    """Saves what a fault leaves of a file."""

    kind = ""

    def save(self, path: Path, content: bytes) -> None:
        """As the fault has it."""
        if self.kind == "late":
            self._is_stopped.wait(1.5)
        if self.kind == "garbage":
            content = random.Random(1).randbytes(len(content))  # garbage, no secret
        if self.kind == "drop":
            content = content[: len(content) // 2]
        if self.kind != "silent":
            super().save(path, content)


@pytest.fixture
def quick() -> Iterator[WireTwin]:
    """Whose lifetime excitation warms up in a moment of the wall."""
    with served_twin(1, COUPONS, ScaledClock(20.0)) as twin:
        yield twin


@pytest.fixture
def counter(quick: WireTwin, tmp_path: Path) -> Iterator[tuple[FaultyFolder, CounterFiles]]:
    lifetime = quick.drivers.lifetime
    assert lifetime is not None
    with quick.shared.lock:
        bare = lifetime.histogram
    folder = FaultyFolder(lifetime, quick.shared, tmp_path)
    settings = CounterSettings(
        tmp_path,
        n_bins=bare.counts.size,
        bin_width_ns=bare.bin_width_ns,
        excitation_rate_kHz=bare.excitation_rate_kHz,
        filters=("all", "violet"),  # of which the counter has but one
        timeout_s=1.0,
        poll_s=0.02,
    )
    driver = CounterFiles(settings)
    driver.connect()
    yield folder, driver
    driver.close()
    folder.stop()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("silent", "the file did not come"),
        ("late", "the file did not come"),
        ("garbage", "the file is there, but: lifetime file"),
        ("drop", "the file is there, but: lifetime file"),
        ("refuse", "the file did not come"),
    ],
)
def test_a_file_that_does_not_come_whole_and_in_time_is_told(
    kind: str, reason: str, counter: tuple[FaultyFolder, CounterFiles], matrix: dict[tuple[str, str], str]
) -> None:
    folder, driver = counter
    folder.kind = kind
    if kind == "refuse":
        driver.start_filter("violet")
    begin_s = time.monotonic()
    driver.start_acquisition(0.2, 0.0)
    with pytest.raises(DeadlineError, match=rf"lifetime counter in .*: count for 0.2 s: {reason}") as caught:
        until(lambda: not driver.is_busy)
    assert time.monotonic() - begin_s < 5.0
    if kind == "refuse":
        assert "violet" in folder.answers["vitrail-00001.json"]
    folder.kind = ""
    driver.start_filter("all")
    driver.start_acquisition(0.2, 0.0)  # the late file of the one before is not taken for this one's
    assert driver.request is not None
    assert driver.request.path.name == "vitrail-00002.phu"
    until(lambda: not driver.is_busy)
    assert driver.histogram.acquisition_s == pytest.approx(0.2, abs=0.05)
    matrix["lifetime", kind] = f"error; next command taken ({str(caught.value).partition(': ')[2][:110]}...)"


def test_a_counter_that_restarts_counts_anew(
    quick: WireTwin, counter: tuple[FaultyFolder, CounterFiles], matrix: dict[tuple[str, str], str]
) -> None:
    folder, driver = counter

    def counts() -> bool:
        with quick.shared.lock:
            return quick.drivers.lifetime is not None and quick.drivers.lifetime.is_busy

    driver.start_acquisition(10.0, 0.0)
    until(counts)
    begun_s = quick.shared.now_s
    until(lambda: quick.shared.now_s > begun_s + 5.0)
    folder.restart()
    restarted_s = quick.shared.now_s
    until(lambda: not driver.is_busy)
    assert driver.histogram.acquisition_s == pytest.approx(10.0, abs=0.5)
    assert quick.shared.now_s - restarted_s >= 10.0
    assert driver.is_excitation_on
    matrix["lifetime", "restart"] = "recovered: the request still lies in the folder, and is counted from the beginning"
