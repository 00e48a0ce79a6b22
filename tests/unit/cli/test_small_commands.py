"""The commands that need no night: new, doctor, completion; and that every command says what the reference page says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from beamline.campaign import load_campaign
from beamline.cli import main
from beamline.cli.reference import reference_page

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`vitrail shell` hands its options on to the profile by the environment, which here is that of other tests too."""
    for name in ("VITRAIL_INSTRUMENT", "VITRAIL_DATA", "VITRAIL_CAMPAIGN"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == code, done.output
    return done.output


@pytest.mark.parametrize("mode", ["line", "dot"])
def test_a_new_campaign_file_passes_the_check_as_it_is(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "mine.toml"
    run("campaign", "new", str(file), "--mode", mode)
    assert load_campaign(file).name == "mine"
    assert load_campaign(file).space.mode == mode
    run("campaign", "check", str(file))
    assert file.read_text(encoding="utf-8").count("#") > 20


def test_a_file_that_is_there_is_kept_unless_told_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("precious", encoding="utf-8")
    assert "--force" in run("campaign", "new", str(file), code=2)
    assert file.read_text(encoding="utf-8") == "precious"
    run("campaign", "new", str(file), "--force")
    assert load_campaign(file)


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "at most 32" in run("campaign", "new", str(tmp_path / "a.toml"), "--name", "a night!", code=2)


def test_the_template_is_the_example() -> None:
    shown = (REPOSITORY / "examples" / "night.toml").read_text(encoding="utf-8")
    assert (REPOSITORY / "beamline" / "campaign" / "night.toml").read_text(encoding="utf-8") == shown


def test_the_doctor_finds_nothing_wrong_here_and_says_so_in_json(tmp_path: Path) -> None:
    found = json.loads(run("doctor", "--data", str(tmp_path), "--json"))
    assert found["ok"], found
    assert {"Python", "vitrail", "packages", "instrument", "records", "disk", "session"} <= {
        one["about"] for one in found["findings"]
    }


def test_the_doctor_says_what_is_wrong_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "instrument.toml"
    bad.write_text('kind = "bench"\n', encoding="utf-8")
    monkeypatch.setattr(
        "importlib.metadata.requires", lambda _name: ["numpy>=99", "no-such-thing", "other; extra == 'session'"]
    )
    text = run("doctor", "--data", str(tmp_path), "--instrument", str(bad), code=1)
    assert "BAD   packages" in text
    assert "numpy" in text
    assert ">=99 is wanted" in text
    assert "no-such-thing is not installed" in text
    assert "BAD   instrument" in text
    assert "\x1b[" not in text


def test_the_doctor_sees_that_a_session_lives(tmp_path: Path) -> None:
    from beamline.records import FileLock, session_lock

    with FileLock(session_lock(tmp_path)) as lock:
        assert lock.acquire()
        assert "one works with these records now" in run("doctor", "--data", str(tmp_path))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_for_vitrail(shell: str) -> None:
    assert "_VITRAIL_COMPLETE" in run("completion", shell)


def test_bash_completes_commands_and_options() -> None:
    environment = {"_VITRAIL_COMPLETE": "bash_complete", "COMP_WORDS": "vitrail campaign st", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-c", "from beamline.cli import main; main(prog_name='vitrail')"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["plain,status", "plain,stop"]


@pytest.mark.parametrize("command", ["pause", "stop"])
def test_no_night_to_pause_or_stop_is_bad_input(tmp_path: Path, command: str) -> None:
    assert "no campaign" in run("campaign", command, "--data", str(tmp_path), code=2)


def test_a_pause_is_lifted_only_where_a_session_lives_that_was_asked_for_one(tmp_path: Path) -> None:
    from beamline.campaign.asked import ask, read_asked
    from beamline.cli.night_control import lift_pause
    from beamline.records import FileLock, LogWriter, session_lock

    uid = "c0ffee00-0000-4000-8000-000000000000"
    start = {
        "uid": "run-1",
        "time": 1.8e9,
        "purpose": "campaign",
        "campaign": {"name": "n", "uid": uid},
        "clock_s": 0.0,
    }
    with LogWriter(tmp_path, sync="never") as writer:
        writer("start", {**start, "start_time": "2026-01-05T21:30:00+01:00", "campaign_file": {"coupon": [{}]}})
        writer("stop", {"uid": "run-1-end", "run_start": "run-1", "time": 1.8e9, "exit_status": "success"})
    with FileLock(session_lock(tmp_path)) as lock:
        assert lock.acquire()
        assert not lift_pause(tmp_path, uid)
        ask(tmp_path, uid, "pause", interface="web")
        assert lift_pause(tmp_path, uid)
        asked = read_asked(tmp_path, uid)
        assert asked is not None
        assert (asked.what, asked.interface) == ("go on", "command")
        assert not lift_pause(tmp_path, uid)
        ask(tmp_path, uid, "pause", interface="web")
    assert not lift_pause(tmp_path, uid)


def test_one_campaign_is_not_compared(tmp_path: Path) -> None:
    assert "two campaigns or more" in run("campaign", "compare", "A", "--data", str(tmp_path), code=2)
    assert "no campaign" in run("campaign", "compare", "A", "B", "--data", str(tmp_path), code=2)


def test_a_shell_over_a_wrong_file_is_refused_before_it_opens(tmp_path: Path) -> None:
    bad = tmp_path / "instrument.toml"
    bad.write_text("kind = 3\n", encoding="utf-8")
    assert "kind" in run("shell", "--data", str(tmp_path), "--instrument", str(bad), code=2)


def test_a_second_session_on_the_same_records_is_refused_before_it_opens(tmp_path: Path) -> None:
    from beamline.records import FileLock, session_lock

    with FileLock(session_lock(tmp_path)) as lock:
        assert lock.acquire()
        assert "another session works with" in run("shell", "--data", str(tmp_path), code=2)


def test_an_unknown_option_has_the_exit_code_of_bad_input() -> None:
    run("campaign", "check", "--nonsense", code=2)
    run("nonsense", code=2)


def test_the_reference_page_is_what_the_commands_are() -> None:
    page = (REPOSITORY / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    assert page == reference_page(), "write it anew: python -m beamline.cli.reference > docs/reference/commands.md"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from beamline.cli import main; main(['--help'], standalone_mode=False); print(sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(eval(done.stdout[done.stdout.index("['") :]))  # noqa: S307  # our own output
    assert not loaded & {"numpy", "pydantic", "bluesky", "ophyd", "rich", "IPython", "matplotlib", "scipy", "asyncio"}
