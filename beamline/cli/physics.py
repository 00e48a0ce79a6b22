"""`vitrail physics`: table, parameters, calibrate, explore."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beamline.cli.exploring import explore
from beamline.cli.options import FAILED, FILE, as_json_option, parameters_option, prior_of, refuse, writing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from beamline.physics.calibrate import Calibration, Measured
    from beamline.physics.comparison import Row
    from beamline.physics.prior import Prior

__all__ = ["physics"]

_STANDS = 1e-3
"""A table whose fitted parameters move by less than this part of their spread stands: its digits are rounded at 1e-7."""


@click.group()
def physics() -> None:
    """The physics prior: how it compares with the paper, its calibration, pictures of what it says."""


# --------------------------------------------------------------------------------------------------------------- table
@physics.command()
@as_json_option
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
@click.option("--out", type=FILE, help="Store them as a file (.toml) to be edited.")
@click.option(
    "--check",
    type=FILE,
    help="Read an edited file, and print what differs in it.",
)
@as_json_option
def parameters(*, out: Path | None, check: Path | None, as_json: bool) -> None:
    """The uncertain numbers of the model: value, spread, source, and how they are correlated.

    A file that names only what differs is enough; `vitrail physics explore --parameters FILE` uses it.
    """
    from beamline.physics.parameter_file import parameter_document, parameter_text
    from beamline.physics.prior import PRIOR

    prior = prior_of(check)
    if out is not None:
        if out.suffix != ".toml":
            refuse(f"--out {out}: the name must end in .toml")
        with writing("--out", out):
            out.write_text(parameter_text(prior), encoding="utf-8")
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


# ----------------------------------------------------------------------------------------------------------- calibrate
@physics.command()
@click.option(
    "--away",
    type=click.FloatRange(0.0, 0.5),
    default=0.0,
    show_default=True,
    help="Start this many sigma away from the table instead of at it, each parameter in a direction of its own.",
)
@parameters_option("A parameter file in place of the table: what is not fitted stays as it says.")
@click.option(
    "--measured",
    multiple=True,
    metavar="ROW=VALUE+-SD",
    help="A number of ours in place of a fitted row's, in its unit: 'Br&I: red diameter by TEM=6.1+-0.2'; may be repeated.",
)
@click.option("--out", type=FILE, help="Store the result: .toml, or .json as --json prints.")
@as_json_option
def calibrate(*, away: float, edited: Path | None, measured: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    """Solve the fitted parameters against the paper again, and say how the parameter table would change.

    The same code gives the same digits. Exit code 1 if there is no solution.
    """
    import numpy as np

    from beamline.physics.calibrate import FITTED
    from beamline.physics.calibrate import calibrate as solve

    if out is not None and out.suffix not in {".toml", ".json"}:
        refuse(f"--out {out}: the name must end in .toml or .json")
    prior = prior_of(edited)
    ours = _measured(measured)
    start: NDArray[np.float64] = away * np.random.default_rng(1).uniform(-1.0, 1.0, len(FITTED))
    try:
        solution = solve(start, prior=prior, measured=ours)
    except ValueError as error:
        refuse(f"--measured: {error}")
    except (RuntimeError, np.linalg.LinAlgError) as error:
        click.echo(f"no calibration: {error}", err=True)
        raise SystemExit(FAILED) from error
    document = _calibration_json(solution, away, prior, ours)
    if out is not None:
        _store(document, out)
    click.echo(json.dumps(document, indent=2) if as_json else _calibration_text(document, out))


def _measured(texts: tuple[str, ...]) -> dict[str, Measured]:
    """Rows by name; a row's name may hold signs of equality and plus signs, so both are looked for from the end."""
    from beamline.physics.calibrate import Measured

    found = {}
    for text in texts:
        name, _, numbers = text.rpartition("=")
        value, _, sd = numbers.partition("+-")
        try:
            found[name.strip()] = Measured(float(value), float(sd))
        except ValueError:
            refuse(f"--measured {text!r}: give ROW=VALUE+-SD, such as 'Br&I: red diameter by TEM=6.1+-0.2'")
    return found


def _calibration_json(
    solution: Calibration, away: float, prior: Prior, measured: dict[str, Measured]
) -> dict[str, Any]:
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
        if solution.sds:
            parameters[parameter.name]["sd_sigma"] = solution.sds[parameter.name]
    largest = max(abs(entry["change_sigma"]) for entry in parameters.values())
    return {
        "versions": versions(),
        "physics_sources_sha256": source_digest(),
        "start_sigma_from_table": away,
        "n_iterations": solution.n_iterations,
        "largest_residual_tolerances": max(abs(off) for off in solution.residuals.values()),
        "largest_change_sigma": largest,
        "table_stands": largest < _STANDS,
        "measured": {name: {"value": one.value, "sd": one.sd} for name, one in measured.items()},
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
            f"{entry['change_sigma']:>14.1e}" + (f" +- {entry['sd_sigma']:.1e}" if "sd_sigma" in entry else "")
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
    with writing("--out", out):
        out.write_text(text, encoding="utf-8")


physics.add_command(explore)
