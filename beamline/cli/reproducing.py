"""`vitrail reproduce`: the paper's experiments on the simulated bench, and a table of what came out."""

from __future__ import annotations

import json
import tempfile
import uuid
from pathlib import Path

import click

from beamline.cli.options import FAILED, FOLDER, as_json_option, refuse

__all__ = ["reproduce"]


@click.command()
@click.argument("facts", nargs=-1, metavar="[P10 ... P34]")
@click.option(
    "--data",
    type=FOLDER,
    default=None,
    help="Folder of the records; without it they are in a temporary folder and gone afterwards.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Of the noise.")
@click.option(
    "--page",
    type=FOLDER,
    default=None,
    help="Folder for the table as HTML and JSON, with the figures (PNG, SVG, CSV).",
)
@as_json_option
def reproduce(facts: tuple[str, ...], data: Path | None, seed: int, page: Path | None, *, as_json: bool) -> None:
    """Run the paper's experiments on the simulated bench (as the model has it, with noise) and compare.

    Exit code 1 where a row contradicts the paper.
    """
    from beamline.instrument import Instrument
    from beamline.physics.paper import DOI, FACTS
    from beamline.reproduce import COUPONS, model_rows, reproduce_on
    from beamline.reproduce.page import shown, write_page
    from beamline.session import open_session
    from beamline.versions import code_version

    known = {fact for fact in FACTS if int(fact[1:]) >= 10}
    asked = {fact.upper() for fact in facts} or known
    if unknown := asked - known:
        refuse(f"{', '.join(sorted(unknown))}: no observation of the paper; there are {', '.join(sorted(known))}")
    uid = str(uuid.uuid4())
    with (
        tempfile.TemporaryDirectory(prefix="vitrail-reproduce-") as scratch,
        open_session(
            Instrument(),
            coupons=COUPONS,
            data=data or Path(scratch),
            seed=seed,
            unattended=True,
            catalog=False,
            nominal=True,
        ) as session,
    ):
        rows = reproduce_on(session, uid, asked, lambda what: click.echo(f"{what} ...", err=True))
        runs = session.records.runs(campaign=uid)
        simulated_h = session.bench.clock.now_s / 3600.0
        rows = sorted([*rows, *model_rows(asked)], key=lambda row: (int(row.fact[1:]), row.source))
        missing = sorted(asked - {row.fact for row in rows})
        document = {
            "code_version": code_version(),
            "doi": DOI,
            "uid": uid,
            "seed": seed,
            "simulated_h": simulated_h,
            "rows": [row.as_json() for row in rows],
            "facts_without_row": missing,
        }
        if page is not None:
            click.echo(f"page: {write_page(page, rows, document, runs)}", err=True)
    if as_json:
        click.echo(json.dumps(document, indent=2))
    else:
        for row in rows:
            click.echo(f"{row.fact:4} {row.source:5} {row.verdict:11} {row.quantity}: {shown(row)}; paper: {row.paper}")
        click.echo(
            f"\nNot measured and not in the model: {', '.join(missing) or 'none'}. Simulated time: {simulated_h:.1f} h."
        )
    if any(row.verdict == "contradicts" for row in rows if row.source == "bench"):
        raise SystemExit(FAILED)
