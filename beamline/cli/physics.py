"""`vitrail physics`: table, parameters, calibrate, explore."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from beamline.physics.calibrate import Calibration
    from beamline.physics.comparison import Row
    from beamline.physics.prior import Prior

__all__ = ["physics"]

BAD_INPUT = 2
FAILED = 1

_STANDS = 1e-3
"""A table whose fitted parameters move by less than this part of their spread stands: its digits are rounded at 1e-7."""

_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable output on standard output.")


@click.group()
def physics() -> None:
    """The physics prior: how it compares with the paper, its calibration, pictures of what it says."""


# --------------------------------------------------------------------------------------------------------------- table
@physics.command()
@_json
def table(*, as_json: bool) -> None:
    """Paper against model, row by row. Exit code 1 if a row differs without a known reason, or a fact has no row."""
    from beamline.physics.comparison import compare
    from beamline.physics.contradictions import CONTRADICTIONS
    from beamline.physics.paper import DOI, FACTS
    from beamline.versions import code_version

    rows = compare()
    covered = {row.quantity.fact for row in rows}
    missing = [fact for fact in FACTS if int(fact[1:]) >= 10 and fact not in covered]
    differing = [row for row in rows if not row.agrees and not row.quantity.cannot]
    if as_json:
        document = {
            "code_version": code_version(),
            "paper": {"doi": DOI, "facts": {fact.id: fact.says for fact in FACTS.values()}},
            "rows": [_row_json(row) for row in rows],
            "facts_without_row": missing,
            "contradictions": [{"facts": c.facts, "what": c.what, "way_out": c.way_out} for c in CONTRADICTIONS],
        }
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(_table_text(rows, missing, len(differing)))
    if missing or differing:
        raise SystemExit(FAILED)


def _row_json(row: Row) -> dict[str, Any]:
    quantity = row.quantity
    return {
        "fact": quantity.fact,
        "quantity": quantity.name,
        "unit": quantity.unit,
        "kind": quantity.kind,
        "paper": row.paper,
        "target": quantity.target,
        "tolerance": quantity.tolerance if quantity.target is not None else None,
        "model": list(row.model),
        "agrees": row.agrees,
        "cannot": quantity.cannot or None,
        "verdict": row.verdict,
    }


def _table_text(rows: tuple[Row, ...], missing: list[str], n_differing: int) -> str:
    from beamline.physics.contradictions import CONTRADICTIONS

    lines = [f"{'':4} {'quantity':62} {'paper':>22} {'+-':>7} {'model':>36}  {'kind':9}  verdict"]
    for row in rows:
        quantity = row.quantity
        tolerance = f"{quantity.tolerance:g}" if quantity.target is not None else ""
        lines.append(
            f"{quantity.fact:4} {f'{quantity.name}, {quantity.unit}':62} {_short(row.paper, 22):>22} {tolerance:>7} "
            f"{row.shown:>36}  {quantity.kind:9}  {row.verdict}"
        )
    count = {kind: sum(row.quantity.kind == kind for row in rows) for kind in ("fitted", "set", "predicted")}
    agree = sum(row.agrees for row in rows if row.quantity.kind == "predicted")
    cannot = sum(not row.agrees and bool(row.quantity.cannot) for row in rows)
    lines += [
        "",
        f"{count['fitted']} rows are fitted to the paper, {count['set']} set to numbers of ours: agreement there says nothing.",
        f"Of {count['predicted']} predicted rows {agree} agree, {cannot} cannot, {n_differing} differ.",
        f"Facts from P10 to P34 without a row: {', '.join(missing) or 'none'}.",
        "",
        "What contradicts itself, or cannot be tested:",
    ]
    for contradiction in CONTRADICTIONS:
        lines.append(f"  {', '.join(contradiction.facts)}: {contradiction.what}.")
        lines.append(f"      The model: {contradiction.way_out}.")
    return "\n".join(lines)


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


# ---------------------------------------------------------------------------------------------------------- parameters
@physics.command()
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Store them as a file (.toml) to be edited."
)
@click.option(
    "--check",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Read an edited file, and print what differs in it.",
)
@_json
def parameters(*, out: Path | None, check: Path | None, as_json: bool) -> None:
    """The uncertain numbers of the model: value, spread, source, and how they are correlated.

    A file that names only what differs is enough; `vitrail physics explore --parameters FILE` uses it.
    """
    from beamline.physics.parameter_file import parameter_document, parameter_text
    from beamline.physics.prior import PRIOR

    prior = _prior(check)
    if out is not None:
        if out.suffix != ".toml":
            _refuse(f"--out {out}: the name must end in .toml")
        try:
            out.write_text(parameter_text(prior), encoding="utf-8")
        except OSError as error:
            _refuse(f"cannot write {out}: {error.strerror}")
    if as_json:
        click.echo(json.dumps(parameter_document(prior), indent=2))
        return
    shown = [p for p, before in zip(prior.parameters, PRIOR.parameters, strict=True) if check is None or p != before]
    lines = [f"{'parameter':30} {'unit':10} {'nominal':>12} {'one sigma':>14}  {'status':10}  source"]
    for p in shown:
        sigma = f"{100.0 * p.spread:.3g} %" if p.prior == "lognormal" else f"{p.spread:.3g} {p.unit}".removesuffix(" 1")
        lines.append(f"{p.name:30} {p.unit:10} {p.nominal:>12.5g} {sigma:>14}  {p.status:10}  {p.source}")
    if check is None or prior.correlations != PRIOR.correlations:
        lines.append("")
        lines += [f"correlation of {one} and {other}: {value:g}" for (one, other), value in prior.correlations.items()]
    if check is not None:
        lines.append(f"{len(shown)} of {len(prior.parameters)} parameters differ from the table in {check}")
    if out is not None:
        lines.append(f"stored in {out}")
    click.echo("\n".join(lines))


def _prior(path: Path | None) -> Prior:
    """That of a file, or that of the package."""
    from beamline.physics.prior import PRIOR

    if path is None:
        return PRIOR
    from beamline.physics.parameter_file import ParameterFileError, read_prior

    try:
        return read_prior(path)
    except ParameterFileError as error:
        _refuse(str(error))


# ----------------------------------------------------------------------------------------------------------- calibrate
@physics.command()
@click.option(
    "--away",
    type=click.FloatRange(0.0, 0.5),
    default=0.0,
    show_default=True,
    help="Start this many sigma away from the table instead of at it, each parameter in a direction of its own.",
)
@click.option(
    "--parameters",
    "edited",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A parameter file in place of the table: what is not fitted stays as it says.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Store the result: .toml, or .json as --json prints."
)
@_json
def calibrate(*, away: float, edited: Path | None, out: Path | None, as_json: bool) -> None:
    """Solve the fitted parameters against the paper again, and say how the parameter table would change.

    The same code gives the same digits. Exit code 1 if there is no solution.
    """
    import numpy as np

    from beamline.physics.calibrate import FITTED
    from beamline.physics.calibrate import calibrate as solve

    if out is not None and out.suffix not in {".toml", ".json"}:
        _refuse(f"--out {out}: the name must end in .toml or .json")
    prior = _prior(edited)
    start: NDArray[np.float64] = away * np.random.default_rng(1).uniform(-1.0, 1.0, len(FITTED))
    try:
        solution = solve(start, prior=prior)
    except (RuntimeError, np.linalg.LinAlgError) as error:
        click.echo(f"no calibration: {error}", err=True)
        raise SystemExit(FAILED) from error
    document = _calibration_json(solution, away, prior)
    if out is not None:
        _store(document, out)
    click.echo(json.dumps(document, indent=2) if as_json else _calibration_text(document, out))


def _calibration_json(solution: Calibration, away: float, prior: Prior) -> dict[str, Any]:
    import math

    from beamline.physics.calibrate import TARGETS, fitted_of
    from beamline.physics.jit import source_digest
    from beamline.versions import versions

    parameters: dict[str, dict[str, Any]] = {}
    for parameter in fitted_of(prior):
        found = solution.values[parameter.name]
        moved = math.log(found / parameter.nominal) if parameter.prior == "lognormal" else found - parameter.nominal
        parameters[parameter.name] = {
            "unit": parameter.unit,
            "table": parameter.nominal,
            "solved": found,
            "change_sigma": moved / parameter.spread,
        }
    largest = max(abs(entry["change_sigma"]) for entry in parameters.values())
    return {
        "versions": versions(),
        "physics_sources_sha256": source_digest(),
        "start_sigma_from_table": away,
        "n_iterations": solution.n_iterations,
        "largest_residual_tolerances": max(abs(off) for off in solution.residuals.values()),
        "largest_change_sigma": largest,
        "table_stands": largest < _STANDS,
        "parameters": parameters,
        "rows": [
            {"fact": q.fact, "quantity": q.name, "kind": q.kind, "target": q.target, "tolerance": q.tolerance}
            | {"residual_tolerances": solution.residuals[q.name]}
            for q in TARGETS
        ],
    }


def _calibration_text(document: dict[str, Any], out: Path | None) -> str:
    parameters = document["parameters"]
    lines = [f"{'fitted parameter':30} {'unit':12} {'table':>14} {'solved':>16} {'change, sigma':>14}"]
    for name, entry in parameters.items():
        lines.append(
            f"{name:30} {entry['unit']:12} {entry['table']:>14.7g} {entry['solved']:>16.9g} "
            f"{entry['change_sigma']:>14.1e}"
        )
    lines += [
        "",
        f"{len(parameters)} parameters solved to {len(document['rows'])} rows in {document['n_iterations']} steps.",
        f"Largest residual: {document['largest_residual_tolerances']:.1e} of the row's tolerance.",
    ]
    if document["table_stands"]:
        lines.append(
            f"The parameter table stands: nothing moves by more than {document['largest_change_sigma']:.1e} sigma."
        )
    else:
        moving = [name for name, entry in parameters.items() if abs(entry["change_sigma"]) >= _STANDS]
        lines.append(
            f"The parameter table would change: {', '.join(moving)}. "
            "Write the solved values into the file that was given, or into beamline/physics/parameter_table.py."
        )
    if out is not None:
        lines.append(f"stored in {out}")
    return "\n".join(lines)


def _store(document: dict[str, Any], out: Path) -> None:
    import tomli_w

    text = json.dumps(document, indent=2) + "\n" if out.suffix == ".json" else tomli_w.dumps(document)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        _refuse(f"cannot write {out}: {error.strerror}")


# ------------------------------------------------------------------------------------------------------------- explore
@physics.command()
@click.argument("observable")
@click.option(
    "--vary", "vary", metavar="NAME[=LOW:HIGH]", multiple=True, required=True, help="One setting, or two (repeat it)."
)
@click.option("--set", "held", metavar="NAME=VALUE", multiple=True, help="Hold a setting at a value; repeat as needed.")
@click.option("--draws", type=click.IntRange(10, 20_000), help="Draws of the prior.  [default: 2000, or 300 for two]")
@click.option(
    "--parameters",
    "edited",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A parameter file in place of the table.",
)
@click.option("--scale", type=click.FloatRange(0.0, 2.0, min_open=True), default=1.0, help="Factor on all spreads.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of the draws.")
@click.option("--points", type=click.IntRange(2, 2000), help="Along each setting.  [default: 81, or 31 for two]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("physics"),
    show_default=True,
    help="Folder for the PNG, SVG and CSV.",
)
@_json
def explore(
    *,
    observable: str,
    vary: tuple[str, ...],
    held: tuple[str, ...],
    draws: int | None,
    edited: Path | None,
    scale: float,
    seed: int,
    points: int | None,
    out: Path,
    as_json: bool,
) -> None:
    """Plot OBSERVABLE over one or two settings with the spread of the prior.

    Without speed_mm_s or exposure_s it is a line at 0.4 mm/s; temperature_C adds a hold of the furnace.

    \b
    vitrail physics explore red_peak_nm --vary temperature_C --set hold_s=3600
    vitrail physics explore size_um --vary pulse_energy_uJ=50:300 --vary exposure_s
    """  # noqa: D301  # \b is click's
    from beamline.cli.exploration import draw_exploration
    from beamline.physics.explore import ExploreError
    from beamline.physics.explore import explore as predict_over
    from beamline.report.style import styled, write_drawing
    from beamline.versions import code_version

    prior = _prior(edited)
    try:
        varied = dict(_axis_values(text, points or (81 if len(vary) == 1 else 31)) for text in vary)
        if len(varied) < len(vary):
            raise ExploreError("a setting can be varied only once")
        fixed = dict(_held_value(text) for text in held)
        n_draws = draws or (2000 if len(vary) == 1 else 300)
        found = predict_over(observable, varied, fixed, n_draws=n_draws, scale=scale, seed=seed, prior=prior)
    except ValueError as error:
        _refuse(str(error))
    try:
        out.mkdir(parents=True, exist_ok=True)
        with styled():
            _, paths = write_drawing(draw_exploration(found, code_version(), scale=scale, seed=seed), out)
    except OSError as error:
        _refuse(f"cannot write into {out}: {error.strerror}")
    if as_json:
        click.echo(
            json.dumps({"files": [str(path) for path in paths], "held": found.held, "unit": found.unit}, indent=2)
        )
    else:
        click.echo("\n".join(str(path) for path in paths))


def _axis_values(text: str, points: int) -> tuple[str, NDArray[np.float64]]:
    """`NAME` or `NAME=LOW:HIGH` as a name with its values."""
    import numpy as np

    from beamline.physics.explore import AXES, ExploreError

    name, given, span = text.partition("=")
    if name not in AXES:
        raise ExploreError(f"no setting {name!r}; there are: {', '.join(AXES)}")
    axis = AXES[name]
    low, high = axis.low, axis.high
    if given:
        ends = [_number(name, part) for part in span.split(":")]
        if len(ends) != 2 or not ends[0] < ends[1]:
            raise ExploreError(f"--vary {text}: expected {name}=LOW:HIGH in {axis.unit}, with LOW below HIGH")
        low, high = ends
    if name == "n_passes":
        return name, np.arange(np.ceil(low), np.floor(high) + 1.0)
    return name, np.geomspace(low, high, points) if axis.is_log and low > 0.0 else np.linspace(low, high, points)


def _held_value(text: str) -> tuple[str, float]:
    from beamline.physics.explore import ExploreError

    name, given, value = text.partition("=")
    if not given:
        raise ExploreError(f"--set {text}: expected NAME=VALUE")
    return name, _number(name, value)


def _number(name: str, text: str) -> float:
    from beamline.physics.explore import ExploreError

    try:
        return float(text)
    except ValueError as error:
        raise ExploreError(f"{name}={text!r} is not a number") from error


# ------------------------------------------------------------------------------------------------------------- helpers
def _refuse(message: str) -> NoReturn:
    """End with the exit code for bad input."""
    click.echo(message, err=True)
    raise SystemExit(BAD_INPUT)
