"""`--json`: every command has it, and with it standard output is one JSON document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from beamline.cli import main

EXAMPLE = Path(__file__).parents[3] / "examples" / "manual-runs" / "runs.csv"
FOR_PEOPLE = {"completion", "shell"}


def without_json(command: click.Command = main, words: str = "") -> set[str]:
    """Commands that do something and cannot tell it as JSON."""
    if isinstance(command, click.Group):
        return {name for word, sub in command.commands.items() for name in without_json(sub, f"{words} {word}".strip())}
    return set() if any(param.name == "as_json" for param in command.params) else {words}


def told(*words: object, code: int = 0) -> Any:
    done = CliRunner().invoke(main, [*map(str, words), "--json"], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The records of the manual runs of the examples."""
    folder = tmp_path_factory.mktemp("manual") / "data"
    told("import", EXAMPLE, "--by", "A. Student", "--name", "hand", "--data", folder)
    return folder


def test_every_command_has_it_but_those_for_people() -> None:
    assert without_json() == FOR_PEOPLE


def test_a_new_campaign(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    assert told("campaign", "new", file) == {"file": str(file), "name": "mine", "mode": "line"}


def test_a_replay_says_what_came_of_it(data: Path, tmp_path: Path) -> None:
    replay = ("replay", "--campaign", "hand", "--data", data)
    analysed = told(*replay, "--into", "analysis")
    assert analysed["is_exact"]
    assert analysed["n_documents"] > analysed["n_runs"] > len(analysed["runs"]) > 0
    assert all(site["kind"] for run in analysed["runs"] for site in run["sites"].values())
    again = told(*replay, "--into", "log", "--out", tmp_path / "copy")
    assert (again["n_runs"], again["logs"]) == (analysed["n_runs"], str(tmp_path / "copy"))
    done = CliRunner().invoke(main, [*map(str, replay), "--into", "table", "--json"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--into analysis" in done.stderr


def test_the_faults_of_a_device() -> None:
    rows = told("twin", "faults", "changer")
    assert {row["device"] for row in rows} == {"changer"}
    assert not any(row["shortcomings"] for row in rows)
    assert all(row["n_injected"] > 0 for row in rows)


def test_the_configuration_of_a_server(data: Path, tmp_path: Path) -> None:
    uris = [f"--{what}-uri=postgresql://me@db/{what}" for what in ("catalog", "tables")]
    made = told("records", "serve-config", "--data", data, "--out", tmp_path / "tiled.yml", *uris)
    assert (made["file"], made["host"], made["is_loopback"]) == (str(tmp_path / "tiled.yml"), "127.0.0.1", True)
    assert "VITRAIL_API_KEY" in made["environment"]


def test_a_profile_tells_no_key(data: Path) -> None:
    from beamline.records.access import reader_access
    from beamline.records.layout import Layout

    made = told("records", "profile", "--data", data)
    assert made["path"] is None
    assert "vitrail" in made["profile"]
    assert reader_access(Layout.of(data)).api_key not in made["profile"]
