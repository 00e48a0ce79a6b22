"""Decays come back from files as they were written; a damaged file is our own error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import ptufile
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices import DeviceError
from devices.drivers.picoquant import Decay, read_decay

N_BINS, RESOLUTION_S, RATE_Hz = 200, 1e-10, 4e7


def write(path: Path, n_channels: int = 1) -> np.ndarray:
    """A file with a decay of 3 ns in each channel; counts of shape (n_channels, N_BINS)."""
    rng = np.random.default_rng(1)
    counts = rng.poisson(50.0 * np.exp(-np.arange(N_BINS) * RESOLUTION_S / 3e-9), size=(n_channels, N_BINS))
    ptufile.imwrite(
        path,
        counts.astype(np.uint16)[None, None, None],
        global_resolution=1.0 / RATE_Hz,
        tcspc_resolution=RESOLUTION_S,
        pixel_time=0.01,
        has_frames=False,
    )
    return counts


def test_a_decay_comes_back(tmp_path: Path) -> None:
    counts = write(tmp_path / "a.ptu")
    decay = read_decay(tmp_path / "a.ptu")
    assert decay.counts[:N_BINS].tolist() == counts[0].tolist()
    assert decay.counts.sum() == counts.sum()
    assert np.diff(decay.time_ns) == pytest.approx(0.1)
    assert decay.repetition_rate_kHz == pytest.approx(40_000.0)
    assert decay.acquisition_s == pytest.approx(0.01)
    assert decay.pile_up == pytest.approx(counts.sum() / 4e5)
    mean_ns = (decay.time_ns * decay.counts).sum() / decay.counts.sum()
    assert mean_ns == pytest.approx(3.0, rel=0.1)


def test_one_of_several_channels_is_named(tmp_path: Path) -> None:
    counts = write(tmp_path / "b.ptu", n_channels=2)
    with pytest.raises(DeviceError, match=r"channel None is none of \[0, 1\]; name one"):
        read_decay(tmp_path / "b.ptu")
    assert read_decay(tmp_path / "b.ptu", 1).counts.sum() == counts[1].sum()


def test_what_is_no_such_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"absent.ptu: cannot be read \(FileNotFoundError"):
        read_decay(tmp_path / "absent.ptu")
    (tmp_path / "text.ptu").write_text("PQTTTR" * 100, encoding="ascii")
    with pytest.raises(DeviceError, match="and whole"):
        read_decay(tmp_path / "text.ptu")


def test_without_pulses_there_is_no_pile_up() -> None:
    assert np.isnan(Decay(np.zeros(1), np.zeros(1, dtype=np.int64), 0, 0.0, 1.0).pile_up)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=6),
    st.none() | st.integers(0, 6000),
)
def test_whatever_a_file_holds_is_a_decay_or_our_own_error(
    tmp_path: Path, changes: list[tuple[int, int]], length: int | None
) -> None:
    good = tmp_path / "good.ptu"
    if not good.exists():
        write(good)
    content = bytearray(good.read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    bad = tmp_path / "bad.ptu"
    bad.write_bytes(bytes(content[:length]))
    try:
        decay = read_decay(bad)
    except DeviceError as error:
        assert len(str(error)) < 500  # noqa: PT017  # a message, not the file
    else:
        assert decay.counts.shape == decay.time_ns.shape
