"""`vitrail import`: manual runs as records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beamline.cli.options import as_json_option, data_option, refuse, tell

if TYPE_CHECKING:
    from beamline.imports import ManualRuns, ManualSite

__all__ = ["importing"]


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@data_option
@click.option("--by", required=True, metavar="NAME", help="Who brings the runs in; stands in the records.")
@click.option("--name", help="Of the campaign that the runs make up.  [default: the file's name]")
@click.option(
    "--after", metavar="CAMPAIGN", help="An earlier campaign: who goes on from these runs learns from that one too."
)
@click.option("--dry-run", is_flag=True, help="Say what would be imported, and write nothing.")
@click.option("--saturation-counts", type=click.FloatRange(min=0, min_open=True), default=65535.0, show_default=True)
@click.option("--read-noise-counts", type=click.FloatRange(min=0, min_open=True), default=10.0, show_default=True)
@click.option("--gain-counts-per-electron", type=click.FloatRange(min=0, min_open=True), default=0.3, show_default=True)
@as_json_option
def importing(
    file: Path,
    *,
    data: Path,
    by: str,
    name: str | None,
    after: str | None,
    dry_run: bool,
    saturation_counts: float,
    read_noise_counts: float,
    gain_counts_per_electron: float,
    as_json: bool,
) -> None:
    """Bring manual runs into the records: FILE is a table (CSV), a row per site, with the spectrum's file in each row.

    All rows and files are checked first; where one is wrong, nothing is imported (exit code 2).
    """
    from beamline.analysis import Detector
    from beamline.campaign.history import find_campaign
    from beamline.imports import (
        AlreadyImportedError,
        BusyError,
        ImportFileError,
        bring_in,
        check_against,
        read_manual_runs,
    )
    from beamline.records import LogWriteError, Records

    records = Records(data)
    name = name or re.sub(r"[^A-Za-z0-9_.-]+", "-", file.stem).strip("-._")[:32] or "manual"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", name):
        refuse(f"--name {name!r}: letters, digits and _ . -, at most 32, beginning with a letter or digit")
    detector = Detector(saturation_counts, read_noise_counts, gain_counts_per_electron)
    try:
        after_uid = None if after is None else find_campaign(records, after)
        runs = read_manual_runs(file, detector)
        if dry_run:
            check_against(records, runs)
        else:
            now = datetime.now(UTC).astimezone()
            uid = bring_in(records, runs, name=name, by=by, now=now, after=after_uid)
    except (ImportFileError, AlreadyImportedError, BusyError, LookupError, LogWriteError, OSError) as error:
        refuse(str(error))
    if dry_run:
        uid, last = "", f"nothing written: {_counted(runs)} would be imported as campaign {name}"
    else:
        last = (
            f"{_counted(runs)} imported as campaign {name} ({uid[:8]}), records in {data}\n"
            f"learn from them: vitrail campaign run FILE --after {uid[:8]}"
        )
    plain = {
        "campaign": {"name": name, "uid": uid or None},
        "n_coupons": len(runs.coupons),
        "n_sites": len(runs.sites),
        "ignored_columns": list(runs.ignored_columns),
    }
    tell(plain, "\n".join([*_lines(runs), last]), as_json=as_json)


def _counted(runs: ManualRuns) -> str:
    n_sites, n_coupons = len(runs.sites), len(runs.coupons)
    return f"{n_sites} site{'' if n_sites == 1 else 's'} on {n_coupons} coupon{'' if n_coupons == 1 else 's'}"


def _lines(runs: ManualRuns) -> Iterator[str]:
    """A line for each coupon and site, with what the analysis sees."""
    for coupon in runs.coupons:
        heat = coupon.heat_treatment
        about = (
            f"{heat.temperature_C:g} degC, {heat.hold_s:g} s, {heat.ramp_C_min:g} degC/min" if heat else "not heated"
        )
        source = "" if heat is None else ", as logged" if coupon.furnace else ", as programmed"
        yield f"{coupon.coupon.serial} ({coupon.coupon.glass.name}): {about}{source}"
        yield from map(_line, coupon.sites)
    if runs.ignored_columns:
        few = ", ".join(runs.ignored_columns[:3])
        yield f"not read, for it is analysed anew: {len(runs.ignored_columns)} columns of results ({few}, ...)"


def _line(site: ManualSite) -> str:
    from beamline.recipe import Line, Luminescence

    writing, outcome = site.recipe.writing, site.outcome
    pace = f"{writing.speed_mm_s:g} mm/s" if isinstance(writing, Line) else f"{writing.exposure_s:g} s"
    if isinstance(outcome, Luminescence):
        seen = ", ".join(f"{b.phase} {b.peak_nm:.1f} nm, {b.rate_counts_s:.3g} counts/s" for b in outcome.bands)
    else:
        seen = outcome.kind.replace("_", " ")
    recipe = f"{writing.pulse_energy_uJ:g} uJ, {pace}, x{writing.n_passes}"
    return f"  row {site.row:<4} {site.site.name:<6} {writing.mode:<4} {recipe:<24} {seen}"
