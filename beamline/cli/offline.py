"""`vitrail records attach` and `compare`: measurements made elsewhere, into the records and beside the model."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from beamline.cli.options import FILE, FOLDER, as_json_option, records_option, refuse, tell, writing

__all__ = ["attach", "compare"]

TECHNIQUES = ("xrd", "raman", "xps", "absorption", "transient_absorption", "tem_sizes")


@click.command()
@click.argument("file", type=FILE)
@records_option
@click.option("--coupon", required=True, help="Its serial; the records must know it.")
@click.option("--site", help="On the coupon; without it, the measurement is of the whole coupon.")
@click.option("--technique", required=True, type=click.Choice(TECHNIQUES))
@click.option(
    "--axis", metavar="NAME", help="Of the first column, with its unit, where the file's heading does not say."
)
@click.option("--x-ray-wavelength-A", "x_ray_wavelength_A", type=float, help="Angstrom; of xrd (Cu K alpha 1: 1.5406).")
@click.option("--block", type=click.IntRange(min=1), help="Of a VAMAS file with several.")
@click.option("--by", required=True, metavar="NAME", help="Who brings it in; stands in the records.")
@click.option("--measured-on", default="", metavar="DAY", help="2026-01-31, or with its time.")
@click.option("--remark", default="", help="What a reader should know.")
@as_json_option
def attach(
    file: Path,
    *,
    data: Path,
    coupon: str,
    site: str | None,
    technique: str,
    axis: str | None,
    x_ray_wavelength_A: float | None,
    block: int | None,
    by: str,
    measured_on: str,
    remark: str,
    as_json: bool,
) -> None:
    """Attach a measurement made elsewhere to a coupon or a site: FILE is text in columns (.xy, .txt, .csv ...) or VAMAS (.vms).

    The first column is two_theta_deg, raman_shift_1_cm, binding_energy_eV, wavelength_nm, energy_eV or diameter_nm, as the
    technique has it; of transient absorption, the first row holds the delays in ps.
    """
    from beamline.offline import OfflineError, read_measurement
    from beamline.offline import attach as record
    from beamline.records import LogWriteError, Records

    try:
        found = read_measurement(file, technique, axis=axis, x_ray_wavelength_A=x_ray_wavelength_A, block=block)
        now = datetime.now(UTC).astimezone()
        uid = record(
            Records(data), found, coupon=coupon, site=site, by=by, now=now, measured_on=measured_on, remark=remark
        )
    except (OfflineError, LogWriteError) as error:
        refuse(str(error))
    span = f"{found.x.min():g} to {found.x.max():g} {found.axis.unit}"
    where = f"{coupon} {site}" if site else coupon
    lines = [
        f"{file.name}: {found.technique.title}, {found.x.size} points, {found.axis.name} {span}",
        *([found.note] if found.note else []),
        f"attached to {where} as run {uid[:8]}; beside the model: vitrail records compare {uid[:8]}",
    ]
    plain = {
        "run": uid,
        "coupon": coupon,
        "site": site,
        "technique": technique,
        "axis": found.axis.name,
        "n_points": int(found.x.size),
        "note": found.note,
    }
    tell(plain, "\n".join(lines), as_json=as_json)


@click.command()
@click.argument("run_uid", metavar="RUN")
@records_option
@click.option("--out", type=FOLDER, help="Draw it too: PNG, SVG and CSV in this folder.")
@as_json_option
def compare(run_uid: str, *, data: Path, out: Path | None, as_json: bool) -> None:
    """A measurement that was attached, beside what the physics model predicts of its site."""
    from beamline.offline import OfflineError, attached
    from beamline.offline.figure import compared, draw_measurement
    from beamline.records import Ledger, RecordError, Records
    from beamline.report.style import styled, write_drawing
    from beamline.versions import code_version

    records = Records(data)
    try:
        run = records.run(run_uid)
        measurement = attached(run)
    except (OfflineError, RecordError) as error:
        refuse(str(error))
    ledger = Ledger.of(records.runs(coupon=run.start["coupon"]["serial"]))
    rows, about = compared(run, ledger)
    unit = measurement.axis.unit
    lines = [
        {
            "label": line.label,
            "model": line.place,
            "model_sd": line.sd,
            "measured": found.place if found else None,
            "measured_sd": found.sd if found else None,
            "unit": unit,
        }
        for line, found in rows
    ]
    files = []
    if out is not None:
        with writing("--out", out), styled():
            out.mkdir(parents=True, exist_ok=True)
            files = [str(path) for path in write_drawing(draw_measurement(run, ledger, code_version()), out)[1]]
    if as_json:
        about_run = {"run": run.uid, "technique": measurement.technique.name, "about": about}
        click.echo(json.dumps(about_run | {"rows": lines, "files": files}, indent=2))
        return
    click.echo(
        f"{measurement.technique.title} of {' '.join([run.start['coupon']['serial'], *run.start['sites']])}: {about}"
    )
    for line, found in rows:
        measured = f"{found.place:.5g} ± {found.sd:.2g} {unit}" if found else "no peak there"
        click.echo(f"  {line.label:<18} model {line.place:.5g} ± {line.sd:.2g} {unit:<5} measured {measured}")
    for path in files:
        click.echo(path)
