"""`vitrail export`: a campaign for others, as NeXus/HDF5, as tables, as a crate; and the check of a crate."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beamline.cli.options import FAILED, as_json_option, records_option, refuse, tell

if TYPE_CHECKING:
    from beamline.publish import CrateReport, Results
    from beamline.records import Records, Run

__all__ = ["export"]

_out = click.option("--out", type=click.Path(path_type=Path), required=True, help="What to make; it must not exist.")


@click.group()
def export() -> None:
    """Publish what was recorded: NeXus/HDF5, tables with units, or a crate that can be checked again."""


@export.command()
@click.argument("names", nargs=-1, required=True, metavar="CAMPAIGN|RUN...")
@records_option
@_out
@as_json_option
def nexus(*, names: tuple[str, ...], data: Path, out: Path, as_json: bool) -> None:
    """Write a campaign (name, or beginning of its uid) or single runs (beginnings of their uids) as one NeXus file."""
    from beamline.publish import write_nexus
    from beamline.records import Records

    records = Records(data)
    runs = list({run.uid: run for name in names for run in _runs(records, name)}.values())
    campaigns = {run.start.get("campaign", {}).get("uid") for run in runs}
    uid = next(iter(campaigns)) if len(campaigns) == 1 else None
    try:
        write_nexus(out, runs, _results(records, uid) if uid else None)
    except ModuleNotFoundError as error:
        refuse(f"{error}; NeXus needs more packages: pip install 'vitrail[export]'")
    except OSError as error:
        refuse(f"--out {out}: {error}")
    text = f"{out}: {len(runs)} run{'' if len(runs) == 1 else 's'}"
    tell({"file": str(out), "runs": [run.uid for run in runs]}, text, as_json=as_json)


@export.command()
@click.argument("campaign")
@records_option
@_out
@as_json_option
def csv(*, campaign: str, data: Path, out: Path, as_json: bool) -> None:
    """Write a campaign as tables with units: sites, spectra, furnace, exposures, and a description of every column."""
    from beamline.publish import campaign_results, write_tables
    from beamline.records import Records

    records = Records(data)
    uid = _campaign(records, campaign)
    if out.exists():
        refuse(f"--out {out}: it exists; remove it, or give another name")
    results = campaign_results(records, uid)
    try:
        files = write_tables(results, out)
    except OSError as error:
        refuse(f"--out {out}: {error}")
    plain = {"folder": str(out), "n_sites": len(results.sites), "files": [str(file) for file in files]}
    tell(plain, f"{out}: {len(results.sites)} sites in {len(files)} files", as_json=as_json)


@export.command()
@click.argument("campaign")
@records_option
@_out
@click.option(
    "--license",
    "licence",
    required=True,
    metavar="SPDX|URL",
    help="Under which others may use the data, for example CC-BY-4.0. You decide it; there is no default.",
)
@click.option("--author", "authors", multiple=True, help="'Name', or 'Name <https://orcid.org/...>'; may be repeated.")
@click.option("--title", default="", help="Instead of the campaign's name.")
@as_json_option
def crate(
    *, campaign: str, data: Path, out: Path, licence: str, authors: tuple[str, ...], title: str, as_json: bool
) -> None:
    """Write all that is needed to publish a campaign, as an RO-Crate: a folder, or one file where --out ends in .zip."""
    from beamline.night import lineage
    from beamline.publish import Publication, verify_crate, write_crate
    from beamline.records import Records

    records = Records(data)
    uid = _campaign(records, campaign)
    try:
        publication = Publication(licence, authors, title)
        earlier = lineage(records, uid)
        write_crate(
            records,
            uid,
            out,
            publication,
            earlier=earlier,
            now=datetime.now(UTC).astimezone(),
            on_step=lambda step: click.echo(f"writing {step}", err=True),
        )
        report = verify_crate(out)
    except ModuleNotFoundError as error:
        refuse(f"{error}; a crate needs more packages: pip install 'vitrail[export]'")
    except (ValueError, OSError) as error:
        refuse(str(error))
    if not as_json:
        for problem in report.problems:
            click.echo(problem, err=True)
    tell(_checked(out, report), f"{out}: {_counts(report)}", as_json=as_json)
    raise SystemExit(FAILED if report.problems else 0)


@export.command()
@click.argument("crate", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--max-GB",
    "max_GB",
    type=click.FloatRange(min=0, min_open=True),
    default=20.0,
    show_default=True,
    help="How large the unpacked contents of a .zip may be.",
)
@as_json_option
def verify(*, crate: Path, max_GB: float, as_json: bool) -> None:
    """Check a crate (folder or .zip): no file changed, missing or new, every log readable. Exit code 1 where not so."""
    import zipfile

    from beamline.publish import ArchiveRefusedError, verify_crate

    try:
        report = verify_crate(crate, max_GB=max_GB)
    except ArchiveRefusedError as error:
        refuse(f"{crate} is not unpacked: {error}")
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        refuse(f"{crate}: {error}; this is no crate of `vitrail export crate`")
    verdict = f"{len(report.problems)} problems" if report.problems else "sound"
    lines = [*report.problems, f"{crate}: {verdict}; {_counts(report)}"]
    tell(_checked(crate, report), "\n".join(lines), as_json=as_json)
    raise SystemExit(FAILED if report.problems else 0)


# ------------------------------------------------------------------------------------------------------------ helpers
def _runs(records: Records, name: str) -> list[Run]:
    """The runs of a campaign, or the one of a uid."""
    from beamline.campaign.history import find_campaign
    from beamline.records import RecordError

    try:
        return records.runs(campaign=find_campaign(records, name))
    except LookupError as no_campaign:
        try:
            return [records.run(name)]
        except RecordError as no_run:
            refuse(f"{no_campaign}\n{no_run}")


def _counts(report: CrateReport) -> str:
    return f"{report.n_files} files, {report.n_runs} runs, {report.n_documents} documents"


def _checked(crate: Path, report: CrateReport) -> dict[str, object]:
    return {"crate": str(crate), "is_sound": not report.problems, **asdict(report)}


def _results(records: Records, campaign_uid: str) -> Results | None:
    """Of a campaign; None for the runs of an experiment by hand, which no campaign's first run began."""
    from beamline.publish import campaign_results

    try:
        return campaign_results(records, campaign_uid)
    except LookupError:
        return None


def _campaign(records: Records, name: str) -> str:
    from beamline.campaign.history import find_campaign

    try:
        return find_campaign(records, name)
    except LookupError as error:
        refuse(str(error))
