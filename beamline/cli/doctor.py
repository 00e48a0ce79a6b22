"""`vitrail doctor`: is the installation whole, does the instrument answer, is there room; and what to do where not."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from beamline.cli.options import FAILED, as_json_option, data_option, instrument_option

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from beamline.bench_file import BenchSettings

__all__ = ["Finding", "doctor"]

EXTRAS = ("session", "hardware", "export", "spectrometer", "lifetime", "camera", "botorch")
SIGNS = {"ok": "ok   ", "note": "note ", "bad": "BAD  "}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        about: what.
        found: in words.
        state: "ok"; "note" for what may be missed but is not needed; "bad" for what must be put right.
        advice: what to do; empty where nothing is.
    """

    about: str
    found: str
    state: Literal["ok", "note", "bad"] = "ok"
    advice: str = ""


@click.command()
@instrument_option(
    'instrument.toml; of kind "bench": each instrument is asked who it is, and nothing is written to it.'
)
@data_option
@as_json_option
def doctor(*, instrument_file: Path | None, data: Path, as_json: bool) -> None:
    """Look at the installation, the instrument, the records folder; say what to do. Exit code 1: something is BAD."""
    findings = [
        *_python(),
        *_packages(),
        *_instrument(instrument_file),
        *_folder(data),
        *_catalog(data),
    ]
    is_bad = any(finding.state == "bad" for finding in findings)
    if as_json:
        click.echo(json.dumps({"ok": not is_bad, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        width = max(len(finding.about) for finding in findings)
        for finding in findings:
            sign = click.style(SIGNS[finding.state], fg={"ok": "green", "note": "yellow", "bad": "red"}[finding.state])
            click.echo(f"{sign} {finding.about:<{width}}  {finding.found}", color=_colours())
            if finding.advice:
                click.echo(f"{'':<{width + 8}}{finding.advice}")
        click.echo("something must be put right, see BAD" if is_bad else "all is well")
    if is_bad:
        raise SystemExit(FAILED)


def _colours() -> bool | None:
    """False where NO_COLOR says so; None leaves it to whether this is a terminal."""
    return False if os.environ.get("NO_COLOR") else None


def _python() -> Iterator[Finding]:
    found = f"{sys.version.split()[0]}, {sys.executable}"
    yield Finding("Python", found)  # an older one does not come as far as here
    yield Finding("vitrail", metadata.version("vitrail"))


def _packages() -> Iterator[Finding]:
    """What we require, by our own metadata, against what is installed."""
    from packaging.requirements import Requirement

    required = [Requirement(text) for text in metadata.requires("vitrail") or ()]
    always = [one for one in required if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = [text for one in always if (text := _unmet(one))]
    if wrong:
        yield Finding(
            "packages", "; ".join(wrong), "bad", "`make install`, or pip install vitrail with constraints.txt"
        )
    else:
        yield Finding("packages", f"all {len(always)} that are required")
    for extra in EXTRAS:
        ours = [
            one
            for one in required
            if one.marker is not None and one not in always and one.marker.evaluate({"extra": extra})
        ]
        wrong = [text for one in ours if (text := _unmet(one))]
        if wrong:
            advice = f"only if it is wanted: pip install 'vitrail[{extra}]'"
            yield Finding(f"extra {extra}", "; ".join(wrong), "note", advice)
        elif ours:
            yield Finding(f"extra {extra}", ", ".join(f"{one.name} {metadata.version(one.name)}" for one in ours))


def _unmet(requirement: Requirement) -> str:
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is not installed"
    if not requirement.specifier.contains(version, prereleases=True):
        return f"{requirement.name} {version}, {requirement.specifier} is wanted"
    return ""


def _instrument(file: Path | None) -> Iterator[Finding]:
    from beamline.instrument import load_instrument
    from beamline.problems import BadFileError

    if file is None:
        yield Finding("instrument", "the simulated bench (no --instrument)")
        return
    try:
        instrument = load_instrument(file)
    except BadFileError as error:
        yield Finding("instrument", str(error), "bad", "docs/how-to/connect-the-instrument.md says what it holds")
        return
    yield Finding("instrument", f"{instrument.name} ({instrument.kind}), {file}")
    if instrument.bench is not None:
        yield from _devices(instrument.bench)


def _devices(settings: BenchSettings) -> Iterator[Finding]:
    from beamline.cli.bench import ROLES
    from beamline.smoke import look

    for reading in look(settings, ROLES):
        state: Literal["ok", "bad"] = "bad" if reading.warning else "ok"
        yield Finding(f"{reading.role} {reading.what}", reading.value, state, reading.warning or "")


def _folder(data: Path) -> Iterator[Finding]:
    from beamline.records import is_held, session_lock

    nearest = next(folder for folder in (data, *data.absolute().parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        yield Finding("records", f"{data}: cannot be written to", "bad", "give a folder that you may write to: --data")
        return
    if data.exists():
        yield Finding("records", str(data))
    else:
        advice = "the first session makes it; where there should be records already, look at the name after --data"
        yield Finding("records", f"{data}: not there yet", "note", advice)
    free_GB = shutil.disk_usage(nearest).free / 1e9
    if free_GB < 0.5:
        yield Finding(
            "disk", f"{free_GB:.2f} GB free", "bad", "a night writes some 0.1 GB, and none begins below 0.5: make room"
        )
    elif free_GB < 5:
        yield Finding(
            "disk", f"{free_GB:.1f} GB free", "note", "enough for nights, not for years; a night writes some 0.1 GB"
        )
    else:
        yield Finding("disk", f"{free_GB:.0f} GB free")
    try:
        held = is_held(session_lock(data))
    except OSError as error:
        yield Finding(
            "session", f"{session_lock(data)}: {error.strerror}", "bad", "it belongs to somebody else: ask them"
        )
        return
    yield Finding("session", "one works with these records now" if held else "none works with these records")


def _catalog(data: Path) -> Iterator[Finding]:
    """The catalog's server, where one says that it runs: whether its port answers."""
    import socket
    from urllib.parse import urlsplit

    from beamline.records.endpoint import live_endpoint
    from beamline.records.layout import Layout

    endpoint = live_endpoint(Layout.of(data))
    if endpoint is None:
        return
    port = urlsplit(endpoint.url).port or 80
    with socket.socket() as probe:
        probe.settimeout(1.0)
        is_there = probe.connect_ex(("127.0.0.1", port)) == 0
    if is_there:
        yield Finding("catalog", f"port {port} of loopback answers")
    else:
        advice = "end the session that owns it; the next one serves it anew"
        yield Finding("catalog", f"port {port} of loopback does not answer", "bad", advice)
