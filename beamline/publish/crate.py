"""A campaign as an RO-Crate: all that is needed to publish it, and to check later that nothing has changed.

ro-crate-metadata.json   what is what, for programs (RO-Crate 1.1)
README.md                the same for people
records/log/*.vlog       the truth, of this campaign and of those that it learned from; `Records("records")` reads them
tables/                  tidy CSV with units
campaign.nxs             NeXus/HDF5
report/                  the report of the night with its figures
campaign.toml            the campaign file, defaults filled in
environment.json         versions of code and packages
manifest-sha256.txt      a checksum of every file
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from beamline.campaign import Campaign
from beamline.publish.archives import unpack
from beamline.publish.checksums import MANIFEST, verify, write_manifest
from beamline.publish.environment import environment
from beamline.publish.metadata import METADATA, Publication, crate_metadata, described_files
from beamline.publish.nexus import write_nexus
from beamline.publish.results import Results, campaign_results
from beamline.publish.tables import write_tables
from beamline.records import Records

__all__ = ["CrateReport", "verify_crate", "write_crate"]


@dataclass(frozen=True, slots=True)
class CrateReport:
    """What the check of a crate found; it is sound where there are no problems."""

    n_files: int
    n_runs: int
    n_documents: int
    problems: tuple[str, ...]


def write_crate(
    records: Records,
    campaign_uid: str,
    out: Path | str,
    publication: Publication,
    *,
    earlier: Sequence[str] = (),
    now: datetime,
    on_step: Callable[[str], object] = lambda _: None,
) -> Path:
    """Write the crate of a campaign, as a folder, or as one file where `out` ends in `.zip`.

    Args:
        records: where the campaign is.
        campaign_uid: of the campaign.
        out: what to make; it must not exist.
        publication: licence and authors.
        earlier: uids of the campaigns that it learned from, whose logs come along.
        now: date of the publication.
        on_step: told what comes next.

    Raises:
        LookupError: the records know no such campaign.
        FileExistsError: `out` exists.
        ValueError: the campaign has not ended.
    """
    out = Path(out)
    if out.exists():
        raise FileExistsError(f"{out} exists; remove it, or give another name")
    results = campaign_results(records, campaign_uid)
    runs = [run for uid in dict.fromkeys((*earlier, campaign_uid)) for run in records.runs(campaign=uid)]
    if running := [run.uid for run in runs if run.state == "running"]:
        raise ValueError(f"campaign {campaign_uid} is running (run {running[0]}): publish it when it has ended")
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        folder = draft / out.name.removesuffix(".zip")
        on_step("logs")
        logs = folder / "records" / "log"
        logs.mkdir(parents=True)
        for run in runs:
            shutil.copyfile(run.path, logs / run.path.name)
        _contents(records, results, folder, on_step)
        _words(results, folder, publication, now)
        on_step("checksums")
        write_manifest(folder)
        if out.suffix == ".zip":
            _zip(folder, draft / out.name)
            (draft / out.name).rename(out)
        else:
            folder.chmod(0o755)
            folder.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return out


def verify_crate(path: Path | str, *, max_GB: float = 20.0) -> CrateReport:
    """Check a crate: every file as the checksums say, described in its metadata, and every log readable to its end.

    Args:
        path: the folder, or the `.zip`.
        max_GB: how large the unpacked contents of a `.zip` may be, 10^9 bytes.

    Raises:
        FileNotFoundError: there is no list of checksums.
        zipfile.BadZipFile: the file is no zip.
        ArchiveRefusedError: a `.zip` is not unpacked: it is too large, or a name in it leads out of its folder.
    """
    path = Path(path)
    if path.is_file():
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
            unpack(archive, Path(folder), max_bytes=max_GB * 1e9)
            inner = [found.parent for found in Path(folder).rglob(MANIFEST)]
            return verify_crate(min(inner, key=lambda p: len(p.parts)) if inner else Path(folder))
    problems = [str(found) for found in verify(path)]
    files = {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()}
    problems += [f"{name}: not described in {METADATA}" for name in sorted(files - described_files(path))]
    records = Records(path / "records")
    runs = records.runs()
    problems += records.problems()
    return CrateReport(len(files), len(runs), sum(len(run.documents) for run in runs), tuple(problems))


def _contents(records: Records, results: Results, folder: Path, on_step: Callable[[str], object]) -> None:
    on_step("tables")
    write_tables(results, folder / "tables")
    on_step("NeXus")
    write_nexus(folder / "campaign.nxs", results.runs, results)
    start = results.first.start
    if "campaign_file" in start:
        from beamline.report import write_report  # noqa: PLC0415  # matplotlib, only needed here

        plan = Campaign.from_json(json.dumps(start["campaign_file"]))
        (folder / "campaign.toml").write_text(plan.to_toml(), encoding="utf-8")
        if results.sites:
            on_step("report")
            write_report(records, results.uid, folder / "report")
    about = environment(start.get("versions", {}))
    (folder / "environment.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def _words(results: Results, folder: Path, publication: Publication, now: datetime) -> None:
    kind = (
        "a simulated instrument" if results.is_simulated else "manual runs" if results.is_imported else "an instrument"
    )
    lines = [
        f"# {publication.title or f'Campaign {results.name}'}",
        "",
        f"Campaign {results.uid}, {kind}. Licence: {publication.license_url}.",
        "",
        "`vitrail export verify` on this folder checks every file against `manifest-sha256.txt` and reads every log again;",
        "`sha256sum -c manifest-sha256.txt` does the first part without it. `tables/README.md` describes every column.",
        "",
    ]
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")
    metadata = crate_metadata(results, folder, publication, now)
    (folder / METADATA).write_text(json.dumps(metadata, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _zip(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(file, file.relative_to(folder.parent))
