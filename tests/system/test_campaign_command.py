"""`vitrail campaign` as its user meets it: exit codes, words, signals.

Whole processes where the process is the point, else the same command in this one, which has loaded its libraries already.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from commands import VITRAIL, vitrail
from small_campaigns import small_campaign

from beamline.cli import main
from beamline.records import Records

SMALL = small_campaign(n_sites=3, n_coupons=2, is_cool=False)

LONG = SMALL.replace("hold_s = [600, 900]", "hold_s = [172800, 172800]").replace("max_coupons = 2", "max_coupons = 1")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that both kinds of commands work in."""
    (tmp_path / "small.toml").write_text(SMALL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def here(*arguments: str) -> Result:
    """A command in this process."""
    return CliRunner().invoke(main, arguments, prog_name="vitrail")


def test_check_says_what_it_would_do_and_writes_nothing(folder: Path) -> None:
    done = here("campaign", "check", "small.toml")
    assert done.exit_code == 0, done.stderr
    for words in ("630 +- 3 nm", "2 of BrI", "uJ", "degC", "per coupon"):
        assert words in done.stdout
    machine = here("campaign", "check", "small.toml", "--json")
    assert json.loads(machine.stdout)["estimate"]["expected"]["n_coupons"] == 2
    assert sorted(p.name for p in folder.iterdir()) == ["small.toml"]


BAD = {
    "unknown key": (SMALL + "\nfoo = 1", "unknown key"),
    "too hot": (
        SMALL.replace("hold_s", "temperature_C = [200, 600]\nhold_s"),
        "600 degC is too high; allowed: 200 to 550",
    ),
    "negative energy": (SMALL.replace("hold_s", "pulse_energy_uJ = [-5, 100]\nhold_s"), "uJ"),
    "no such glass": (SMALL.replace('serial = "C2"\nglass = "BrI"', 'serial = "C2"\nglass = "pure"'), "pure"),
    "wrong unit": (SMALL.replace("hold_s = [600, 900]", "hold_h = [1, 2]"), "write hold_s"),
    "empty": ("", "empty"),
    "not TOML": ("this is not [ TOML", "not TOML"),
    "noise": (random.Random(1).randbytes(10_000_000), "larger than 256 KiB"),
}


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_refused_with_one_clear_message_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    content, words = BAD[what]
    file = tmp_path / "bad.toml"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        file.write_text(content, encoding="utf-8")
    if what == "noise":  # as a process
        process = vitrail("campaign", command, "bad.toml", folder=tmp_path)
        code, said = process.returncode, process.stderr
    else:
        done = here("campaign", command, "bad.toml")
        code, said = done.exit_code, done.stderr
    assert code == 2
    assert words in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["bad.toml"]


def test_a_night_ends_with_its_report_and_is_quiet_where_nobody_looks(folder: Path) -> None:
    done = vitrail("campaign", "run", "small.toml", "--json", "--no-catalog", folder=folder)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["exit_status"], summary["n_coupons"]) == ("success", 2)
    page = folder / summary["report"]
    html = page.read_text(encoding="utf-8")
    assert summary["campaign"]["uid"][:8] in html
    assert not re.search(r"""(src|href)=["']https?:""", html)
    assert "\x1b[" not in done.stderr
    n_checks = sum(line.startswith("ok ") for line in done.stderr.splitlines())
    assert len(done.stderr.splitlines()) - n_checks < 12

    status = here("campaign", "status")
    assert "done" in status.stdout
    assert "coupon 2 of 2" in status.stdout
    again = here("campaign", "report")
    assert again.exit_code == 0, again.stderr
    assert page.read_text(encoding="utf-8") == html

    unknown = here("campaign", "report", "nobody")
    assert unknown.exit_code == 2
    assert "no campaign nobody" in unknown.stderr


def test_two_nights_of_one_seed_suggest_the_same_byte_for_byte(folder: Path) -> None:
    texts = []
    for data in ("one", "two"):
        arguments = ("campaign", "run", "small.toml", "--data", data, "--no-catalog", "--no-report")
        if data == "one":  # a process of its own has nothing of the other night's
            assert vitrail(*arguments, folder=folder).returncode == 0
        else:
            assert here(*arguments).exit_code == 0
        decisions = Records(folder / data).runs(purpose="decision")
        texts.append("\n".join(json.dumps(run.start.get("suggestion")) for run in decisions))
    assert texts[0] == texts[1]
    assert texts[0].count("suggestion_id") >= 2


def test_ctrl_c_in_the_middle_closes_everything_and_says_how_to_go_on(folder: Path) -> None:
    (folder / "long.toml").write_text(LONG, encoding="utf-8")
    process = subprocess.Popen(
        [VITRAIL, "campaign", "run", "long.toml", "--json", "--no-catalog"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # 48 simulated hours are sampled every minute: the anneal is under way as soon as its log exists.
    while process.poll() is None and not _is_annealing(folder / "vitrail-data"):
        os.sched_yield()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    summary = json.loads(out)
    assert summary["exit_status"] == "abort"
    assert summary["reason"] == "stopped by Ctrl-C"
    steps = {step["step"]: step["error"] for step in summary["safe_state"]}
    assert steps["laser output closed"] is None
    assert steps["furnace in standby"] is None
    assert "records: closed" in err
    assert f"--after {summary['campaign']['uid'][:8]}" in err
    status = here("campaign", "status", "--json")
    assert json.loads(status.stdout)[0]["state"]["kind"] == "stopped"
    # the words lead on: the coupon that was begun is left out, the other one is used
    go_on = re.search(r"--after (\w+)", err)
    assert go_on
    rest = ["--after", go_on.group(1), "--no-catalog", "--no-report", "--json"]
    done = here("campaign", "run", "small.toml", *rest)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["n_coupons"] == 1


def test_a_night_whose_process_was_killed_is_not_called_running(folder: Path) -> None:
    (folder / "long.toml").write_text(LONG, encoding="utf-8")
    process = subprocess.Popen(
        [VITRAIL, "campaign", "run", "long.toml", "--no-catalog"], cwd=folder, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not _is_annealing(folder / "vitrail-data"):
        os.sched_yield()
    process.send_signal(signal.SIGSTOP)  # it lives, and is not done before the others have looked
    alive = here("campaign", "status")
    second = here("campaign", "run", "small.toml", "--no-catalog")
    process.kill()
    process.wait(timeout=60)
    dead = here("campaign", "status")
    assert "running" in alive.stdout
    assert second.exit_code == 2
    assert "another session works with" in second.stderr
    assert "stopped" in dead.stdout
    assert "its process ended without a word" in dead.stdout


def test_a_night_whose_terminal_is_gone_stops_at_a_signal_and_writes_its_report(folder: Path) -> None:
    (folder / "long.toml").write_text(LONG, encoding="utf-8")
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [VITRAIL, "campaign", "run", "long.toml", "--no-catalog"],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    os.close(theirs)
    reader = threading.Thread(target=_read_until_closed, args=(ours, folder / "vitrail-data"))
    reader.start()
    reader.join(timeout=90)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 130
    assert list((folder / "vitrail-data" / "reports").glob("*/report.html"))
    status = here("campaign", "status")
    assert "stopped by SIGTERM" in status.stdout


def _read_until_closed(terminal: int, data: Path) -> None:
    """Play the terminal until the anneal is under way, then be gone."""
    while not _is_annealing(data):
        os.read(terminal, 4096)
    os.close(terminal)


def test_going_on_asks_for_what_there_is(folder: Path) -> None:
    nobody = here("campaign", "run", "small.toml", "--after", "nobody", "--data", "new")
    assert nobody.exit_code == 2
    assert not (folder / "new").exists()
    assert here("campaign", "run", "small.toml", "--no-catalog", "--no-report").exit_code == 0
    spent = here("campaign", "run", "small.toml", "--after", "small")
    assert spent.exit_code == 2
    assert "every coupon of the file has been used" in spent.stderr
    empty = here("campaign", "report", "")
    assert empty.exit_code == 2
    nowhere = here("campaign", "run", "small.toml", "--data", "small.toml/below")
    assert nowhere.exit_code == 2
    assert "cannot be made" in nowhere.stderr


def _is_annealing(data: Path) -> bool:
    dump = data / "log"
    return dump.is_dir() and len(list(dump.glob("*.vlog"))) >= 4


def test_a_help_text_comes_without_the_heavy_libraries(folder: Path) -> None:
    code = "import sys, beamline.cli; print([m for m in ('numba','tiled','skopt','matplotlib','bluesky') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, cwd=folder
    )
    assert done.stdout.strip() == "[]"
