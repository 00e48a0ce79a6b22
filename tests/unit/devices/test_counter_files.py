"""The driver that waits for the files of a counter's program: what it takes, what it refuses, and for how long it waits."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from waiting import until

from devices import CommunicationError, DeadlineError, DeviceError, Histogram, RefusedError
from devices.drivers.counter_files import CounterFiles, CounterSettings, CountRequest
from devices.drivers.picoquant import read_decay
from devices.twin.wire.phu import phu

FUZZ = settings(
    max_examples=10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 500,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
COUNTS = np.round(500.0 * np.exp(-np.arange(256) / 40.0))
GOOD = Histogram(COUNTS, np.zeros(256), 0.1, 1000.0, 2.0, "time", 65535.0)


@pytest.fixture
def told() -> list[CountRequest | None]:
    return []


@pytest.fixture
def make(tmp_path: Path, told: list[CountRequest | None]) -> Iterator[Callable[..., CounterFiles]]:
    made: list[CounterFiles] = []

    def make(**changes: Any) -> CounterFiles:
        values = {"n_bins": 256, "bin_width_ns": 0.1, "excitation_rate_kHz": 1000.0, "timeout_s": 20.0, "poll_s": 0.01}
        driver = CounterFiles(CounterSettings(tmp_path, **(values | changes)), told.append)
        driver.connect()
        made.append(driver)
        return driver

    yield make
    for driver in made:
        driver.close()


def answer(driver: CounterFiles, histogram: Histogram = GOOD, **changes: Any) -> None:
    assert driver.request is not None
    driver.request.path.write_bytes(phu(dataclasses.replace(histogram, **changes)))
    until(lambda: not driver.is_busy)


def test_a_request_is_shown_and_lies_in_the_folder(
    make: Callable[..., CounterFiles], told: list[CountRequest | None], tmp_path: Path
) -> None:
    driver = make(filters=("none", "red"))
    driver.start_filter("red")
    driver.switch_excitation(on=False)
    driver.start_acquisition(60.0, 1000.0)
    assert str(told[-1]) == (
        "Count for 60 s or until a bin holds 1000, bins of 0.1 ns, pulses at 1000 kHz and 100 % power, excitation off, "
        f"filter red; save as {tmp_path}/vitrail-00001.phu"
    )
    until((tmp_path / "vitrail-00001.json").exists)
    asked = json.loads((tmp_path / "vitrail-00001.json").read_text(encoding="utf-8"))
    assert (asked["path"], asked["filter"], asked["excitation"]) == ("vitrail-00001.phu", "red", "off")
    answer(driver)
    assert told[-1] is None
    assert not (tmp_path / "vitrail-00001.json").exists()
    assert driver.histogram.counts.tolist() == COUNTS.tolist()
    assert (driver.histogram.acquisition_s, driver.histogram.stopped_by) == (2.0, "time")
    driver.start_acquisition(1.0, 400.0)
    assert driver.request is not None
    assert driver.request.path.name == "vitrail-00002.phu"
    answer(driver)
    assert driver.histogram.stopped_by == "peak"


def test_half_of_a_file_is_waited_for(make: Callable[..., CounterFiles]) -> None:
    driver = make()
    driver.start_acquisition(1.0, 0.0)
    content = phu(GOOD)
    assert driver.request is not None
    path = driver.request.path
    path.write_bytes(content[:-400])
    until(lambda: driver._trouble is not None)
    assert driver.is_busy
    path.write_bytes(content)
    until(lambda: not driver.is_busy)
    assert driver.histogram.counts.tolist() == COUNTS.tolist()


def test_nobody_answers_in_time(make: Callable[..., CounterFiles]) -> None:
    driver = make(timeout_s=0.1)
    driver.start_acquisition(0.1, 0.0)
    with pytest.raises(DeadlineError, match=r"count for 0.1 s: the file did not come \(after .*look at the counter"):
        until(lambda: not driver.is_busy)
    assert driver.request is None
    driver.start_acquisition(0.1, 0.0)  # the next one begins anew
    assert driver.request is not None
    driver.request.path.write_bytes(b"PQHISTO\0 and then nothing")
    with pytest.raises(DeadlineError, match=r"the file is there, but: lifetime file .*its header has no end"):
        until(lambda: not driver.is_busy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bin_width_ns": 0.2}, r"bins of 0.2 ns, 0.1 ns were asked for; set the resolution"),
        ({"excitation_rate_kHz": 500.0}, r"pulses at 500 kHz, 1000 kHz were asked for"),
        ({"counts": np.append(COUNTS, 3.0)}, r"photons after bin 256"),
    ],
)
def test_a_file_of_other_settings_is_no_answer(
    make: Callable[..., CounterFiles], changes: dict[str, Any], message: str
) -> None:
    driver = make()
    driver.start_acquisition(1.0, 0.0)
    with pytest.raises(DeviceError, match=message):
        answer(driver, **changes)
    assert driver.request is None
    assert driver.histogram.n_photons == 0


def test_a_full_bin_is_told(make: Callable[..., CounterFiles]) -> None:
    driver = make(most_counts=500.0)
    driver.start_acquisition(1.0, 0.0)
    answer(driver)
    assert (driver.histogram.stopped_by, driver.histogram.warning) == ("full", "full")


def test_a_response_is_read_and_belongs_to_its_bin_width(make: Callable[..., CounterFiles], tmp_path: Path) -> None:
    (tmp_path / "response.phu").write_bytes(phu(GOOD))
    driver = make(response_file=tmp_path / "response.phu")
    assert driver.histogram.response == pytest.approx(COUNTS / COUNTS.sum())
    driver.start_bin_width(0.2)
    assert not driver.histogram.response.any()
    assert make().capabilities == frozenset()
    with pytest.raises(DeviceError, match=r"response file .*bins of 0.1 ns, 0.4 ns"):
        make(response_file=tmp_path / "response.phu", bin_width_ns=0.4)


def test_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(CommunicationError, match=r"there is no folder .*is its drive connected"):
        CounterFiles(CounterSettings(tmp_path / "absent", 256, 0.1, 1000.0, poll_s=0.01)).connect(timeout_s=0.2)


@pytest.mark.parametrize(
    "changes", [{"n_bins": 0}, {"suffix": ".txt"}, {"filters": ()}, {"timeout_s": 0.0}, {"bin_width_ns": float("nan")}]
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        CounterSettings(tmp_path, **({"n_bins": 256, "bin_width_ns": 0.1, "excitation_rate_kHz": 1.0} | changes))


def test_a_setting_is_refused_while_it_counts(make: Callable[..., CounterFiles]) -> None:
    driver = make()
    driver.start_acquisition(1.0, 0.0)
    with pytest.raises(RefusedError, match=r"bins of 0.2 ns: it counts already \(Count for 1 s.*wait for it"):
        driver.start_bin_width(0.2)


@FUZZ
@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=6),
    st.none() | st.integers(0, 3000),
)
def test_whatever_a_histogram_file_holds_is_a_decay_or_our_own_error(
    tmp_path: Path, changes: list[tuple[int, int]], length: int | None
) -> None:
    content = bytearray(phu(GOOD))
    for place, value in changes:
        content[place % len(content)] = value
    bad = tmp_path / "bad.phu"
    bad.write_bytes(bytes(content[:length]))
    try:
        decay = read_decay(bad)
    except DeviceError as error:
        assert len(str(error)) < 500  # noqa: PT017  # a message, not the file
    else:
        assert decay.counts.shape == decay.time_ns.shape
        assert decay.counts.sum() >= 0
