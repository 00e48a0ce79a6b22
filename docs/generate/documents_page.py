"""The schema of documents, read off a small night and some experiments on the simulated bench, and the words that they hold."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from tables import first_paragraph, table

from beamline import recipe
from beamline.campaign import parse_campaign
from beamline.instrument import Instrument
from beamline.night import run_night
from beamline.recipe import Frozen
from beamline.records import Records, Run, mark
from beamline.session import Session, open_session
from plans import Experiment, NightLabel, calibrate_dark, calibrate_power, image_sites, pl_decay, pl_map

__all__ = ["documents_page", "made_records"]

HEAD = """# Document schema

Made by `python docs/generate` from the documents of a small night and of some experiments on the simulated bench; a test
holds it current. What the keys mean and when they are there: [records](records.md#what-the-documents-of-a-night-say). What
the data keys are: [signals](signals.md).

Besides these every start document has Bluesky's `uid`, `time` (s since 1970), `scan_id` and `plan_type`, and every document
what the [event model](https://blueskyproject.io/event-model/) says. *Site* and the like are words, [below](#words).
"""

CAMPAIGN = """
name = "schema"
seed = 3
optimizer.kind = "random"
sites.per_coupon = 2
measurement = { integration_s = 0.1, n_averages = 2 }
stop.max_coupons = 1
space.hold_s = [600, 900]
space.temperature_C = [200, 250]
space.ramp_C_min = 20.0
[[glass]]
name = "BrI"
bromide = 1.5
iodide = 1.5
[[coupon]]
serial = "C1"
glass = "BrI"
[[coupon]]
serial = "C2"
glass = "BrI"
"""

MOST_KEYS_NAMED = 8
EVERY = ("purpose", "plan_name", "campaign", "versions", "clock_s")
OF_BLUESKY = ("uid", "time", "scan_id", "plan_type")
WORDS = (
    "Coupon",
    "Glass",
    "Site",
    "Recipe",
    "Dot",
    "Line",
    "HeatTreatment",
    "HeatStep",
    "Measurement",
    "Suggestion",
    "SiteSuggestion",
    "Prediction",
    "Observation",
    "Luminescence",
    "Band",
    "NoLuminescence",
    "Saturated",
    "Failed",
)


def documents_page() -> str:
    """The page, as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        runs = made_records(Path(folder))
        every = [(f"`{key}`", _type(runs[0].start[key])) for key in EVERY]
        parts = [HEAD, f"## In every run\n\n{table(('key', 'type'), every)}"]
        by_purpose: dict[str, list[Run]] = {}
        for run in runs:
            by_purpose.setdefault(run.start["purpose"], []).append(run)
        parts += [section for purpose, those in by_purpose.items() for section in _purpose(purpose, those)]
    return "\n".join([*parts, "## Words\n", *_words()])


def made_records(folder: Path) -> list[Run]:
    """Runs of each purpose that the bench by itself comes to, in the order of their making."""
    campaign = parse_campaign(CAMPAIGN)
    with open_session(
        Instrument(), coupons=campaign.coupons, data=folder, seed=campaign.seed, unattended=True, catalog=False
    ) as session:
        run_night(session, campaign)
        _experiments(session)
        mark(folder, campaign.coupons[1], "damaged", "a scratch")
    return Records(folder).runs()


def _experiments(session: Session) -> None:
    label = NightLabel("by-hand", "by-hand-1", dict(session.records.runs()[0].start["versions"]))
    (run,) = session.records.runs(purpose="writing")
    coupon = recipe.Coupon.model_validate_json(json.dumps(run.start["coupon"]))
    on = Experiment(session.bench, session.records, label, coupon)
    session.RE(pl_map(on, (5.0, 5.0), n_x=2, n_y=1))
    session.RE(pl_decay(on, {"A": (5.0, 5.0)}, duration_s=1.0))
    session.RE(image_sites(on, {"A": (5.0, 5.0)}))
    session.RE(calibrate_dark(session.bench, label))
    session.RE(calibrate_power(session.bench, label))


def _purpose(purpose: str, runs: list[Run]) -> Iterator[str]:
    yield f"## {purpose}\n"
    start: dict[str, Any] = {}
    for run in runs:
        start |= run.start
    rows = [
        (f"`{key}`", _type(value), "" if all(key in run.start for run in runs) else "not in each")
        for key, value in sorted(start.items())
        if key not in (*EVERY, *OF_BLUESKY)
    ]
    yield table(("start document", "type", ""), rows) if rows else "Its start document has no further keys.\n"
    streams = {d["name"]: d for run in runs for d in run.descriptors}
    for name, descriptor in sorted(streams.items()):
        yield table((f"stream `{name}`", "type", "unit", "shape"), _keys(descriptor))


def _keys(descriptor: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    held = [(key, about, "") for key, about in descriptor["data_keys"].items()]
    for configuration in descriptor["configuration"].values():
        more = configuration["data_keys"].items()
        held += [(key, about, "configuration: ") for key, about in more if key not in descriptor["data_keys"]]
    for key, about, where in sorted(held, key=lambda one: (one[2], one[0])):
        shape = str(about["shape"]) if about["shape"] else ""
        yield f"{where}`{key}`", about.get("dtype_numpy", about["dtype"]), about.get("units") or "", shape


def _type(value: Any) -> str:
    if isinstance(value, Mapping):
        return _word(value) or _mapping(value)
    if isinstance(value, (list, tuple)):
        return f"list of {' or '.join(sorted({_type(one) for one in value}))}" if value else "list"
    kinds = {bool: "boolean", int: "integer", float: "number", str: "text"}
    return kinds.get(type(value), "null")


def _mapping(value: Mapping[str, Any]) -> str:
    values = {_type(one) for one in value.values()}
    if len(values) == 1 and (len(value) > MOST_KEYS_NAMED or not values.isdisjoint(f"*{word}*" for word in WORDS)):
        return f"{{name: {values.pop()}}}"
    return f"{{{', '.join(value)}}}" if len(value) <= MOST_KEYS_NAMED else "mapping"


def _word(value: Mapping[str, Any]) -> str:
    for name in WORDS:
        try:
            model: type[Frozen] = getattr(recipe, name)
            model.model_validate_json(json.dumps(value))
        except (ValidationError, TypeError):
            continue
        return f"*{name}*"
    return ""


def _words() -> Iterator[str]:
    for name in WORDS:
        model: type[Frozen] = getattr(recipe, name)
        schema = model.model_json_schema()
        rows = [
            (
                f"`{key}`",
                _schema_type(about),
                about.get("unit", ""),
                _bounds(about),
                _default(about),
                about.get("description", ""),
            )
            for key, about in schema["properties"].items()
        ]
        yield f"### {name}\n\n{first_paragraph(model.__doc__ or '')}.\n"
        yield table(("key", "type", "unit", "bounds", "default", ""), rows)


def _schema_type(about: Mapping[str, Any]) -> str:
    names = {"string": "text"}
    if "$ref" in about:
        return f"*{about['$ref'].rpartition('/')[2]}*"
    if any_of := about.get("anyOf") or about.get("oneOf"):
        return " or ".join(dict.fromkeys(_schema_type(one) for one in any_of))
    if "const" in about:
        return f"`{about['const']}`"
    if "enum" in about:
        return " or ".join(f"`{one}`" for one in about["enum"])
    if about.get("type") == "array":
        return f"list of {_schema_type(about.get('items') or {})}" if "items" in about else "list"
    return names.get(about.get("type", ""), about.get("type", ""))


def _bounds(about: Mapping[str, Any]) -> str:
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    found = [one for one in (about, *about.get("anyOf", ())) if set(words) & set(one)]
    return " ".join(f"{word} {found[0][key]:g}" for key, word in words.items() if key in found[0]) if found else ""


def _default(about: Mapping[str, Any]) -> str:
    return "" if "default" not in about else f"`{json.dumps(about['default'])}`"
