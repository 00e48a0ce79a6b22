"""A campaign as tidy CSV: a row per site, a file per spectrum, furnace and exposures, with a description of every column.

The folder is a Data Package (specs.frictionlessdata.io, version 1): `datapackage.json` names each file and column with type
and unit. `vitrail import` reads `sites.csv` with its spectra back in. Numbers are written so that they read back exactly.
"""

from __future__ import annotations

import csv
import errno
import json
import math
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from beamline.publish.columns import EXPOSURES, FURNACE, SITES, SPECTRUM, Column
from beamline.publish.results import Results, SiteResult
from beamline.recipe import Failed, Luminescence, NoLifetime, NoLuminescence, Outcome, Saturated

__all__ = ["DESCRIPTOR", "spectrum_path", "write_tables"]

DESCRIPTOR = "datapackage.json"
README = "README.md"
FURNACE_FILE = "furnace.csv"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Table:
    path: str
    about: str
    columns: Sequence[Column]
    n_rows: int


def write_tables(results: Results, folder: Path | str) -> list[Path]:
    """Write the tables of a campaign.

    Args:
        results: of the campaign.
        folder: what to make. It is written under another name beside, and has its own when it is whole.

    Returns:
        The files, `datapackage.json` and `README.md` last.

    Raises:
        FileExistsError: there is such a folder.
        OSError: it cannot be written; nothing is left.
    """
    target = Path(folder)
    if target.exists():
        raise FileExistsError(errno.EEXIST, "it exists; remove it, or give another name", str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        draft.chmod(0o755)
        files = _write_files(results, draft)
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return [target / name for name in files]


def _write_files(results: Results, folder: Path) -> list[str]:
    """All files into an empty folder; their names in it."""
    made: list[_Table] = []

    def write(path: str, about: str, columns: Sequence[Column], rows: Iterable[Row]) -> None:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        n_rows = 0
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(column.name for column in columns)
            for row in rows:
                writer.writerow(_cell(row.get(column.name)) for column in columns)
                n_rows += 1
        made.append(_Table(path, about, columns, n_rows))

    logged = frozenset(run.uid for run in results.of_purpose("heat_treatment") if "furnace" in run.streams)
    rows = (_site_row(site, logged) for site in results.sites)
    write("sites.csv", "One row per site: recipe, heat treatment, outcome.", SITES, rows)
    write(FURNACE_FILE, "The furnace along each heat treatment.", FURNACE, _furnace_rows(results))
    write("exposures.csv", "One row per pass of the laser over a site.", EXPOSURES, _exposure_rows(results))
    for site in results.sites:
        if site.spectrum is not None:
            about = f"Spectrum of site {site.site.name} on coupon {site.coupon.serial}."
            write(spectrum_path(site), about, SPECTRUM, _spectrum_rows(site))
    (folder / DESCRIPTOR).write_text(json.dumps(_descriptor(results, made), indent=1) + "\n", encoding="utf-8")
    (folder / README).write_text(_readme(results, made), encoding="utf-8")
    return [*(table.path for table in made), DESCRIPTOR, README]


def spectrum_path(site: SiteResult) -> str:
    """Where the spectrum of a site lies in the folder."""
    return f"spectra/{site.coupon.serial}/{site.site.name}.csv"


def _cell(value: Any) -> str:
    """A value as text; an empty cell for one that is not there."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        return "" if math.isnan(value) else repr(float(value))
    return str(value)


# -------------------------------------------------------------------------------------------------------------- rows
def _site_row(result: SiteResult, logged: frozenset[str]) -> Row:
    coupon, glass = result.coupon, result.coupon.glass
    row: dict[str, Any] = {
        "coupon": coupon.serial,
        "n_coupon": result.n_coupon,
        "width_mm": coupon.width_mm,
        "height_mm": coupon.height_mm,
        "glass": glass.name,
        "bromide": glass.bromide,
        "iodide": glass.iodide,
        "iodide_fraction": glass.iodide_fraction,
        "site": result.site.name,
        "x_mm": result.site.x_mm,
        "y_mm": result.site.y_mm,
        "state": result.state.value,
        "state_reason": result.reason,
        "writing_run": result.writing_run,
        "heat_treatment_run": result.heat_treatment_run,
    }
    if result.recipe is not None:
        row |= result.recipe.writing.model_dump()
    if result.heat_treatment is not None:
        row |= result.heat_treatment.model_dump()
        row["furnace_file"] = FURNACE_FILE if result.heat_treatment_run in logged else None
    if result.observation is not None:
        row["power_at_sample_W"] = result.observation.power_at_sample_W
        row["outcome_as_decided"] = result.is_as_decided
        row |= _outcome_cells(result.observation.outcome)
        for one in result.observation.lifetimes or ():
            found = (
                {"no_lifetime": one.reason}
                if isinstance(one, NoLifetime)
                else one.model_dump(exclude={"kind", "phase"})
            )
            row |= {f"{one.phase}_{name}": value for name, value in found.items()}
    if (taken := result.spectrum) is not None:
        row |= {
            "integration_s": taken.integration_s,
            "n_averages": taken.n_averages,
            "spectrum_file": spectrum_path(result),
            "measured_at": datetime.fromtimestamp(taken.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "measured_clock_s": taken.clock_s,
            "measurement_run": taken.run.uid,
        }
    return row


def _outcome_cells(outcome: Outcome) -> Row:
    row: dict[str, Any] = {"outcome": outcome.kind}
    match outcome:
        case Luminescence():
            row |= {"rate_limit_counts_s": outcome.rate_limit_counts_s, "reduced_chi2": outcome.reduced_chi2}
            for band in outcome.bands:
                values = {**band.model_dump(exclude={"phase"}), "peak_nm": band.peak_nm, "peak_sd_nm": band.peak_sd_nm}
                row |= {f"{band.phase}_{name}": value for name, value in values.items()}
        case NoLuminescence():
            row["rate_limit_counts_s"] = outcome.rate_limit_counts_s
        case Saturated():
            row["n_saturated_pixels"] = outcome.n_saturated_pixels
            row["rate_floor_counts_s"] = outcome.rate_floor_counts_s
        case Failed():
            row["failure"] = outcome.reason
    return row


def _spectrum_rows(site: SiteResult) -> Iterator[Row]:
    taken = site.spectrum
    if taken is None:
        return
    dark = taken.dark_counts if taken.dark_counts is not None else np.full_like(taken.counts, np.nan)
    for values in zip(taken.wavelength_nm.tolist(), taken.counts.tolist(), dark.tolist(), strict=True):
        yield dict(zip(("wavelength_nm", "counts", "dark_counts"), values, strict=True))


def _furnace_rows(results: Results) -> Iterator[Row]:
    for run in results.of_purpose("heat_treatment"):
        if "furnace" not in run.streams:
            continue
        table = run.table("furnace")
        begin_s = float(table["clock_s"][0])
        columns = (table[key].tolist() for key in ("clock_s", "furnace_temperature_C", "furnace_setpoint_C"))
        for clock_s, temperature_C, setpoint_C in zip(*columns, strict=True):
            yield {
                "coupon": run.start["coupon"]["serial"],
                "run": run.uid,
                "time_s": clock_s - begin_s,
                "clock_s": clock_s,
                "temperature_C": temperature_C,
                "setpoint_C": setpoint_C,
            }


def _exposure_rows(results: Results) -> Iterator[Row]:
    names = ("pulse_energy_uJ", "repetition_rate_kHz", "power_at_sample_W", "pulses_delivered")
    for run in results.of_purpose("writing"):
        for event in run.events("exposures"):
            data = event["data"]
            yield {
                "coupon": run.start["coupon"]["serial"],
                "site": data["site_name"],
                "run": run.uid,
                "clock_s": data["clock_s"],
                **{name: data.get(f"laser_{name}") for name in names},
            }


# ------------------------------------------------------------------------------------------------------- description
def _descriptor(results: Results, tables: Sequence[_Table]) -> dict[str, Any]:
    return {
        "profile": "tabular-data-package",
        "name": f"{results.name}-{results.uid[:8]}".lower(),
        "title": f"Campaign {results.name}",
        "description": _what(results),
        "id": results.uid,
        "resources": [
            {
                "profile": "tabular-data-resource",
                "name": table.path.removesuffix(".csv").lower().replace("/", "."),
                "path": table.path,
                "description": table.about,
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": {"fields": [_field(column) for column in table.columns], "missingValues": [""]},
            }
            for table in tables
        ],
    }


def _field(column: Column) -> dict[str, Any]:
    field = {"name": column.name, "type": column.kind, "description": column.about}
    return field | ({"unit": column.unit} if column.unit else {})


def _readme(results: Results, tables: Sequence[_Table]) -> str:
    lines = [f"# Campaign {results.name}", "", _what(results), ""]
    lines += [
        "Empty cells stand for what is not there. `datapackage.json` says the same as this page, for programs.",
        "",
    ]
    described: set[int] = set()
    for table in tables:
        if id(table.columns) in described:
            continue
        described.add(id(table.columns))
        n_alike = sum(other.columns is table.columns for other in tables)
        path = table.path if n_alike == 1 else "spectra/COUPON/SITE.csv"
        about = table.about if n_alike == 1 else f"{n_alike} files, one for the last spectrum of each site."
        lines += [f"## {path}", "", about, "", "| column | unit | |", "|---|---|---|"]
        lines += [f"| `{c.name}` | {c.unit} | {c.about.replace('|', '/')} |" for c in table.columns]
        lines.append("")
    return "\n".join(lines)


def _what(results: Results) -> str:
    """What this is, in two sentences; that an instrument was simulated is never left out."""
    n_coupons = len({site.coupon.serial for site in results.sites})
    what = f"Perovskite quantum dots written into glass: {len(results.sites)} sites on {n_coupons} coupons"
    if results.is_imported:
        return f"{what}, worked by hand and imported. Campaign {results.uid}."
    kind = "a simulated instrument: no glass was touched" if results.is_simulated else "an instrument"
    return f"{what}, by {kind}. Campaign {results.uid}."
