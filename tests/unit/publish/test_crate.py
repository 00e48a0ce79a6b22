"""Crates: complete, read by others, and checked again: a flipped byte, a missing and an extra file are told."""

from __future__ import annotations

import getpass
import json
import re
import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from beamline.publish import Publication, Results, verify_crate, write_crate
from beamline.publish.checksums import MANIFEST, verify, write_manifest
from beamline.records import LogWriter, Records

NOW = datetime(2026, 1, 6, 8, 0, tzinfo=UTC)
PUBLICATION = Publication("CC-BY-4.0", ("A. Person <https://orcid.org/0000-0001-2345-6789>", "B. Other"), "A night")


@pytest.fixture(scope="module")
def crate(records: Records, results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_crate(records, results.uid, tmp_path_factory.mktemp("crate") / "night", PUBLICATION, now=NOW)


@pytest.fixture
def copy(crate: Path, tmp_path: Path) -> Path:
    return shutil.copytree(crate, tmp_path / "copy")


def test_it_holds_all_that_publishing_needs_and_is_sound(crate: Path, results: Results) -> None:
    for name in ("report/report.html", "tables/sites.csv", "campaign.nxs", "campaign.toml", "environment.json"):
        assert (crate / name).is_file(), name
    report = verify_crate(crate)
    assert report.problems == ()
    assert report.n_runs == len(results.runs) == 11
    assert report.n_documents == sum(len(run.documents) for run in results.runs)
    for run in results.runs:
        assert Records(crate / "records").run(run.uid).path.read_bytes() == run.path.read_bytes()


def test_no_host_no_user_and_no_path_is_told(crate: Path, records: Records) -> None:
    environment = json.loads((crate / "environment.json").read_text())
    assert environment["recorded_with"]["vitrail"]
    assert environment["packages_of_the_export"]["numpy"]
    for name in ("environment.json", "ro-crate-metadata.json", "README.md", "campaign.toml", "tables/datapackage.json"):
        text = (crate / name).read_text()
        assert re.search(rf"\b{re.escape(socket.gethostname())}\b", text) is None
        assert str(records.folder) not in text
        assert f"{Path.home()}/" not in text
        assert f"/{getpass.getuser()}/" not in text


def test_another_reader_finds_what_the_metadata_say(crate: Path) -> None:
    code = (
        "import sys, json; from rocrate.rocrate import ROCrate\n"
        "c = ROCrate(sys.argv[1]); d = c.root_dataset\n"
        "print(json.dumps([d['name'], d['license'].id, [a['name'] for a in d['author']], len(d['hasPart']),"
        " d['datePublished'], c.get('#campaign').type, c.version]))"
    )
    done = subprocess.run([sys.executable, "-c", code, crate], capture_output=True, text=True, timeout=60, check=True)
    title, licence, authors, n_parts, published, kind, version = json.loads(done.stdout)
    assert (title, licence) == ("A night", "https://spdx.org/licenses/CC-BY-4.0")
    assert (authors, kind, version) == (["A. Person", "B. Other"], "CreateAction", "1.1")
    assert n_parts == sum(p.is_file() for p in crate.rglob("*")) - 1  # all but the metadata themselves
    assert published.startswith("2026-01-06T08:00:00")


def test_the_list_is_one_that_sha256sum_reads(crate: Path) -> None:
    done = subprocess.run(["sha256sum", "--check", "--strict", "--quiet", MANIFEST], cwd=crate, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("name", ["tables/sites.csv", "campaign.nxs", "log"])
def test_a_flipped_bit_is_told(copy: Path, name: str) -> None:
    path = next((copy / "records" / "log").iterdir()) if name == "log" else copy / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    problems = verify_crate(copy).problems
    assert any(path.name in problem and "changed" in problem for problem in problems)
    if name == "log":  # it is also told by the log itself, with the offset
        assert len(problems) > 1


def test_missing_extra_and_replaced_files_are_told(copy: Path) -> None:
    (copy / "tables" / "sites.csv").unlink()
    (copy / "tables" / "new.csv").write_text("a\n")
    (copy / "campaign.toml").unlink()
    (copy / "campaign.toml").symlink_to("/etc/hostname")
    kinds = {(found.path, found.kind) for found in verify(copy)}
    assert kinds == {("tables/sites.csv", "missing"), ("tables/new.csv", "extra"), ("campaign.toml", "changed")}
    assert any("tables/new.csv: not described" in problem for problem in verify_crate(copy).problems)


@pytest.mark.parametrize("line", ["nonsense", f"{'0' * 64}  ../outside", f"{'0' * 64}  /etc/passwd"])
def test_a_list_that_leads_elsewhere_is_not_followed(copy: Path, line: str) -> None:
    with (copy / MANIFEST).open("a") as file:
        file.write(line + "\n")
    assert [found.kind for found in verify(copy)] == ["bad line"]


def test_a_zip_is_checked_too(records: Records, results: Results, tmp_path: Path) -> None:
    path = write_crate(records, results.uid, tmp_path / "night.zip", PUBLICATION, now=NOW)
    assert verify_crate(path).problems == ()
    assert [p.name for p in tmp_path.iterdir()] == ["night.zip"]
    with pytest.raises(FileExistsError, match="another name"):
        write_crate(records, results.uid, path, PUBLICATION, now=NOW)


def test_names_with_line_ends_survive_the_list(tmp_path: Path) -> None:
    for name in ("a\nb", "100%", "%0A", "ü"):
        (tmp_path / name).write_text(name)
    write_manifest(tmp_path)
    assert verify(tmp_path) == []


@pytest.mark.parametrize(("licence", "authors"), [("my own", ()), ("", ()), ("CC0-1.0", ("X <mailto:a@b>",))])
def test_a_licence_or_author_of_another_form_is_refused(licence: str, authors: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"SPDX|orcid"):
        Publication(licence, authors)


def test_a_campaign_that_runs_is_not_published(records: Records, results: Results, tmp_path: Path) -> None:
    shutil.copytree(records.folder / "log", tmp_path / "log")
    begin = dict(results.runs[-1].start, uid="still-running")
    with LogWriter(tmp_path) as writer:
        writer("start", begin)
        with pytest.raises(ValueError, match="running"):
            write_crate(Records(tmp_path), results.uid, tmp_path / "crate", PUBLICATION, now=NOW)
    assert not (tmp_path / "crate").exists()
