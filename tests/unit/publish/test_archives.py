"""A zip that somebody sent: bombs, and names that lead elsewhere, are refused before anything is written."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from beamline.cli import main
from beamline.publish import ArchiveRefusedError
from beamline.publish.archives import unpack


def archive(**files: bytes) -> zipfile.ZipFile:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return zipfile.ZipFile(held)


def test_what_is_small_and_stays_inside_is_unpacked(tmp_path: Path) -> None:
    unpack(archive(**{"a/b.txt": b"one", "a/c/": b"", "d": b""}), tmp_path, max_bytes=10)
    assert (tmp_path / "a/b.txt").read_bytes() == b"one"
    assert (tmp_path / "a/c").is_dir()


def test_a_bomb_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    bomb = archive(zeros=bytes(50_000_000))
    assert bomb.infolist()[0].compress_size < 100_000
    with pytest.raises(ArchiveRefusedError, match=r"0\.05 GB; at most 0\.01 GB are unpacked: allow more with --max-GB"):
        unpack(bomb, tmp_path, max_bytes=1e7)
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_that_lies_about_its_size_is_told_as_damaged(tmp_path: Path) -> None:
    bomb = archive(zeros=bytes(5_000_000))
    bomb.infolist()[0].file_size = 10
    with pytest.raises(zipfile.BadZipFile):
        unpack(bomb, tmp_path, max_bytes=1000)
    assert (tmp_path / "zeros").stat().st_size <= 1000


def test_more_than_the_disk_holds_is_refused(tmp_path: Path) -> None:
    huge = archive(zeros=b"1")
    huge.infolist()[0].file_size = 10**18
    with pytest.raises(ArchiveRefusedError, match="are free in"):
        unpack(huge, tmp_path, max_bytes=1e19)


@pytest.mark.parametrize("name", ["../out", "a/../../out", "/etc/out", "C:/out", "a\\..\\out"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(ArchiveRefusedError, match="leads out of its folder"):
        unpack(archive(**{"good": b"1", name: b"2"}), inside, max_bytes=100)
    assert [path.name for path in tmp_path.rglob("*")] == ["inside"]


def test_a_link_is_refused(tmp_path: Path) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, "/etc/passwd")
    with pytest.raises(ArchiveRefusedError, match="is a link"):
        unpack(zipfile.ZipFile(held), tmp_path, max_bytes=100)


def test_the_command_says_why(tmp_path: Path) -> None:
    path = tmp_path / "crate.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("zeros", bytes(3_000_000))
    done = CliRunner().invoke(main, ["export", "verify", str(path), "--max-GB", "0.001"])
    assert done.exit_code == 2
    assert "is not unpacked: its contents are 0.003 GB; at most 0.001 GB" in done.output
