"""`vitrail study`: many simulated nights."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beamline.cli.options import FAILED, FOLDER, as_json_option, refuse

if TYPE_CHECKING:
    from beamline.campaign import Campaign
    from beamline.studies import NightRow, StudyError

__all__ = ["study"]


@click.command()
@click.argument("files", metavar="CAMPAIGN...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--seeds", default="1-20", show_default=True, help="Of hidden truths: 1-20, or 3,7,11.")
@click.option("--kinds", default="physics,random", show_default=True, help="Optimisers, with commas between them.")
@click.option(
    "--jobs", type=click.IntRange(1, 256), default=2, show_default=True, help="Nights at once on this machine."
)
@click.option("--dask", "address", help="Scheduler of a Dask cluster, as tcp://HOST:8786, instead of this machine.")
@click.option(
    "--out",
    type=FOLDER,
    default=Path("vitrail-study"),
    show_default=True,
    help="Folder of results and figures; what it has is not lived again.",
)
@as_json_option
def study(
    files: tuple[Path, ...], *, seeds: str, kinds: str, jobs: int, address: str | None, out: Path, as_json: bool
) -> None:
    """Live many simulated nights: seeds x optimisers x campaigns.

    Every night is whole, on the simulated bench, judged by its measured outcomes alone. Each is a line of nights.jsonl when it
    is over: the same command goes on with what is missing. Exit code 1: some nights failed.
    """
    from beamline.studies import (
        NightRow,
        RowFile,
        StudyError,
        arm_results,
        as_text,
        by_dask,
        by_joblib,
        draw_study,
        run_study,
        tasks_of,
    )

    campaigns = [_campaign(file) for file in files]
    try:
        tasks = tasks_of(campaigns, [kind for kind in kinds.split(",") if kind], _seeds(seeds))
        file = RowFile(out / "nights.jsonl")
        there = {row.key for row in file.rows}
        n_there = sum(task.key in there for task in tasks)
        click.echo(f"{len(tasks)} nights, of which {n_there} are there", err=True)

        def told(given: NightRow | StudyError) -> None:
            click.echo(_line(given) if isinstance(given, NightRow) else f"FAILED {given}", err=True)

        runner = by_joblib(jobs) if address is None else by_dask(address)
        rows, failed = run_study(tasks, file, runner, told)
    except StudyError as error:
        refuse(str(error))
    results = arm_results(rows)
    figures = draw_study(rows, out) if rows else ()
    if as_json:
        said = {
            "results": [json.loads(result.to_json()) for result in results],
            "failed": [str(error) for error in failed],
            "nights": str(file.path),
            "figures": [str(path) for path in figures],
        }
        click.echo(json.dumps(said, indent=2))
    elif rows:
        click.echo(as_text(results))
        click.echo(f"figure: {figures[0]}")
    if failed:
        raise SystemExit(FAILED)


def _campaign(file: Path) -> Campaign:
    from beamline.campaign import CampaignFileError, load_campaign

    try:
        return load_campaign(file)
    except CampaignFileError as error:
        refuse(str(error))


def _seeds(text: str) -> list[int]:
    """Numbers and ranges with commas between them; the order is kept."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", part)
        if match is None or (match[2] is not None and int(match[2]) < int(match[1])):
            refuse(f"--seeds {text}: {part.strip()!r} is neither a number nor a range that rises; give 1-20, or 3,7,11")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found


def _line(row: NightRow) -> str:
    after = f"after coupon {row.first}" if row.first else "not reached"
    p = " ".join(f"{p:.2f}" for p in row.p_reached)
    return f"{row.campaign}  seed {row.seed:3d}  {row.arm:8s} {after:15s} {row.hours:5.1f} h  p = {p}"
