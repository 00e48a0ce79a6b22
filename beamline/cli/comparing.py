"""`vitrail campaign compare`: several nights as a table, a page and a figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beamline.cli.options import FOLDER, as_json_option, records_option, refuse, writing

if TYPE_CHECKING:
    from beamline.report.summary import Summary

__all__ = ["compare"]

HEAD = (
    "campaign",
    "name",
    "optimizer",
    "seed",
    "coupons",
    "sites",
    "within",
    "hours",
    "P(target)",
    "red peak nm",
    "verdict",
)


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="A B [C ...]")
@click.option(
    "--out",
    type=FOLDER,
    help="Folder of the page and its figure.  [default: DATA/reports]",
)
@records_option
@as_json_option
def compare(*, names: tuple[str, ...], out: Path | None, data: Path, as_json: bool) -> None:
    """Compare campaigns (names, or beginnings of uids): a row each, and how each came to its result.

    The page, to be read or printed, is comparison.html; its figure is comparison.png, .svg, and .csv with its data.
    """
    from beamline.campaign.history import find_campaign, first_run
    from beamline.records import Records
    from beamline.report.compare import compared_nights, write_comparison

    if len(names) < 2:
        refuse("two campaigns or more are compared; `vitrail campaign status` lists those there are")
    records = Records(data)
    try:
        uids = [find_campaign(records, name) for name in names]
    except LookupError as error:
        refuse(str(error.args[0]))
    for uid in uids:
        if first_run(records, uid).start["purpose"] == "import":
            refuse(f"{uid[:8]} holds manual runs, and no night to compare")
    if len(set(uids)) < len(uids):
        refuse("the same campaign is given twice; uids tell those of one name apart: `vitrail campaign status`")
    nights, summaries = compared_nights(records, uids)
    folder = out if out is not None else data / "reports"
    with writing("--out", folder):
        files = write_comparison(nights, summaries, folder)
    if as_json:
        plain = {"campaigns": [summary.as_json() for summary in summaries], "files": [str(file) for file in files]}
        click.echo(json.dumps(plain, indent=2))
        return
    rows = [HEAD, *(_row(summary) for summary in summaries)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    for row in rows:
        cells = [
            f"{c:<{w}}" if i in {0, 1, 2, 10} else f"{c:>{w}}" for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())
    click.echo(f"page: {files[0]}")


def _row(summary: Summary) -> tuple[str, ...]:
    peak = next((one.text for one in summary.best_measured if one.name == "red_peak_nm" or "red peak" in one.name), "-")
    return (
        summary.uid[:8],
        summary.name,
        summary.optimizer,
        str(summary.seed),
        str(summary.n_coupons),
        str(summary.n_sites),
        str(summary.n_within),
        f"{summary.hours:.1f}",
        "-" if summary.p_reached is None else f"{summary.p_reached:.2f}",
        peak.removesuffix(" nm"),
        summary.verdict,
    )
