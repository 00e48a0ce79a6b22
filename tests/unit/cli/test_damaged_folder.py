"""Every command that reads records, on a folder with one log that is torn, flipped, empty, foreign or of a later version."""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from beamline.cli import main
from beamline.records.layout import Layout

EXAMPLE = Path(__file__).parents[3] / "examples" / "manual-runs" / "runs.csv"


def future(data: bytes) -> bytes:
    head = data[:14] + struct.pack("<H", 2)
    return head + struct.pack("<I", zlib.crc32(head)) + data[20:]


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "torn in the first record": lambda data: data[:60],
    "torn in the last record": lambda data: data[:-7],
    "a bit of the start flipped": lambda data: flipped(data, 80),
    "a bit in the middle flipped": lambda data: flipped(data, len(data) // 2),
    "empty": lambda _data: b"",
    "foreign": lambda _data: b"PK\x03\x04 this is something else" * 9,
    "of a later version": future,
}
COMMANDS = [
    ["records", "list"],
    ["records", "check", "--logs-only"],
    ["coupons"],
    ["coupons", "--json"],
    ["replay", "--campaign", "night"],
    ["export", "csv", "night", "--out", "OUT"],
    ["campaign", "status"],
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One coupon and all of its steps: manual runs that were brought in, whose documents are those of a night."""
    folder = tmp_path_factory.mktemp("whole") / "data"
    words = ["import", str(EXAMPLE), "--by", "A. Student", "--name", "night", "--data", str(folder)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return folder


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("hit", range(4), ids=["import", "writing", "heat_treatment", "measurement"])
def test_it_says_what_it_can_and_never_breaks(whole: Path, tmp_path: Path, hit: int, command: list[str]) -> None:
    for number, (name, damage) in enumerate(list(DAMAGES.items())[hit % 2 :: 2]):  # each damage in two kinds of run
        data = tmp_path / str(number)
        shutil.copytree(whole, data)
        path = Layout.of(data).log_files()[hit]
        path.write_bytes(damage(path.read_bytes()))
        words = [str(tmp_path / f"out-{number}") if word == "OUT" else word for word in command]
        done = CliRunner().invoke(main, [*words, "--data", str(data)])
        assert done.exception is None or isinstance(done.exception, SystemExit), (name, done.exc_info)
        assert done.exit_code in (0, 1, 2), name
        if command[:2] == ["records", "check"]:
            assert done.exit_code == 1, name
            assert str(path) in done.output
        assert "Traceback" not in done.output, name
