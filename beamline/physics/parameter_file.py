"""The parameter table as a file: printed, edited by a person or learnt by a campaign, read again as a prior of its own.

A file names what differs; the rest stays as in `parameter_table`. Fitted values fit only together: who changes one may have to
calibrate the others anew.
"""

from __future__ import annotations

import dataclasses
import difflib
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field

from beamline.physics.prior import PRIOR, InstrumentName, InstrumentNumber, Prior
from beamline.problems import BadFileError, InconsistentError, Problem, load_toml, parse_toml

__all__ = ["ParameterFileError", "edited_prior", "edits_of", "parameter_document", "parameter_text", "read_prior"]

_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class ParameterFileError(BadFileError):
    """A parameter file that cannot be used, with every mistake in it.

    To do: mend each parameter that is named.
    """


class _Entry(BaseModel):
    """What may be said of a parameter; what is left out stays."""

    model_config = _STRICT

    nominal: float | None = None
    spread: float | None = None
    prior: Literal["lognormal", "normal"] | None = None
    status: Literal["fitted", "tuned", "literature", "unverified", "assumed"] | None = None
    source: str | None = None
    symbol: str | None = None
    unit: str | None = None


class _Correlation(BaseModel):
    """Of the standard scores of two parameters."""

    model_config = _STRICT

    between: Annotated[list[str], Field(min_length=2, max_length=2)]
    coefficient: float


class _Number(BaseModel):
    """A number of the spectrometer: median, and one sigma of its logarithm."""

    model_config = _STRICT

    nominal: float
    spread: float


class _Learned(BaseModel):
    """Where a file that `vitrail campaign learned --prior-out` wrote comes from."""

    model_config = _STRICT

    campaigns: list[str]


class _File(BaseModel):
    """All of it. Correlations replace those of the table, if there are any in the file."""

    model_config = _STRICT

    parameters: dict[str, _Entry] = {}
    instrument: dict[InstrumentName, _Number] = {}
    learned: _Learned = _Learned(campaigns=[])
    correlations: list[_Correlation] = []


def parameter_document(prior: Prior = PRIOR) -> dict[str, Any]:
    """A prior as plain data: what a parameter file holds."""
    return {
        "parameters": {
            p.name: {key: value for key, value in dataclasses.asdict(p).items() if key != "name"}
            for p in prior.parameters
        },
        "correlations": [{"between": list(pair), "coefficient": value} for pair, value in prior.correlations.items()],
        **_learned_document(prior),
    }


def _learned_document(prior: Prior) -> dict[str, Any]:
    """What only a prior has that was learnt."""
    told: dict[str, Any] = {}
    if prior.instrument:
        told["instrument"] = {n.name: {"nominal": n.nominal, "spread": n.spread} for n in prior.instrument}
    if prior.learned_from:
        told["learned"] = {"campaigns": list(prior.learned_from)}
    return told


def parameter_text(prior: Prior = PRIOR) -> str:
    """A prior as the text of a parameter file (TOML)."""
    return _text(parameter_document(prior))


def _text(document: dict[str, Any]) -> str:
    """TOML with a line for each correlation: of a learnt prior there are thousands."""
    rest = {key: value for key, value in document.items() if key != "correlations"}
    if "correlations" not in document:
        return tomli_w.dumps(rest)
    lines = [
        f'    {{ between = ["{entry["between"][0]}", "{entry["between"][1]}"], coefficient = {entry["coefficient"]!r} }},'
        for entry in document["correlations"]
    ]
    return "\n".join(["correlations = [", *lines, "]", "", tomli_w.dumps(rest)])


def read_prior(path: Path | str) -> Prior:
    """The prior of a parameter file.

    Args:
        path: TOML, with a table for each parameter that differs, `[parameters.nose_K]`, and a list `[[correlations]]`.

    Returns:
        The prior of the package with the file's changes.

    Raises:
        ParameterFileError: it cannot be read, names what is no parameter, gives it another unit, or is no distribution.
    """
    return _changed(load_toml(path, _File, ParameterFileError), str(path))


def edits_of(prior: Prior) -> str:
    """What a prior has that the package's has not, as the text of a parameter file; "" where nothing differs."""
    document, standard = parameter_document(prior), parameter_document()
    edits: dict[str, Any] = {}
    if prior.parameters != PRIOR.parameters:
        edits["parameters"] = {
            name: {key: value for key, value in entry.items() if value != standard["parameters"][name][key]}
            for name, entry in document["parameters"].items()
            if entry != standard["parameters"][name]
        }
    if document["correlations"] != standard["correlations"]:
        edits["correlations"] = document["correlations"]
    return _text(edits | _learned_document(prior))


def edited_prior(text: str, source: str = "parameters") -> Prior:
    """The package's prior with the changes of a parameter file that is at hand as text.

    Args:
        text: of the file.
        source: how messages call it.

    Raises:
        ParameterFileError: as `read_prior`.
    """
    return _changed(parse_toml(text, _File, source, ParameterFileError), source)


def _changed(file: _File, source: str) -> Prior:
    """The package's prior with a file's changes."""
    known = {p.name: p for p in PRIOR.parameters}
    problems = [
        Problem(f"parameters.{name}", f"no parameter of the model; {_near(name, known)}")
        for name in file.parameters
        if name not in known
    ]
    for name, entry in file.parameters.items():
        for key in ("unit", "symbol"):
            given, is_ = getattr(entry, key), getattr(known.get(name), key, None)
            if name in known and given not in {None, is_}:
                problems.append(
                    Problem(f"parameters.{name}.{key}", f"{given!r} must stay {is_!r}: the model counts in it")
                )
    if problems:
        raise ParameterFileError(source, problems)
    changed = tuple(
        dataclasses.replace(p, **file.parameters[p.name].model_dump(exclude_none=True))
        if p.name in file.parameters
        else p
        for p in PRIOR.parameters
    )
    try:
        instrument = tuple(InstrumentNumber(name, n.nominal, n.spread) for name, n in file.instrument.items())
        return Prior(changed, _correlations(file), instrument, tuple(file.learned.campaigns))
    except InconsistentError as error:
        raise ParameterFileError(source, error.problems) from None
    except ValueError as error:
        raise ParameterFileError(source, [Problem("", str(error))]) from None


def _correlations(file: _File) -> dict[tuple[str, str], float]:
    if "correlations" not in file.model_fields_set:
        return dict(PRIOR.correlations)
    found: dict[tuple[str, str], float] = {}
    for entry in file.correlations:
        one, other = entry.between
        if (one, other) in found:
            raise InconsistentError([Problem("correlations", f"{one} and {other}: given twice")])
        found[one, other] = entry.coefficient
    return found


def _near(name: str, known: dict[str, Any]) -> str:
    meant = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {meant[0]}?" if meant else "`vitrail physics parameters` prints them all"
