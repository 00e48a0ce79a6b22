"""`vitrail shell` as a person at a terminal has it: one session in which all is tried, one that is left with a plan paused.

Every test stands on a session that has shown its prompt, and on nothing that another test typed.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from beamline.records import Records

REPOSITORY = Path(__file__).parents[2]
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\r")
START_S = 25
"""Patience, not a promise: the machine may be busy."""

HOLDS = """def holds():
    yield from bps.open_run({"purpose": "held"})
    yield from bps.mv(furnace, 60)
    for _ in range(100000):
        yield from bps.checkpoint()
        yield from bps.mv(laser.exposure_s, 1.0)
    yield from bps.close_run()
"""


class Person:
    """Somebody at a terminal."""

    def __init__(self, folder: Path, *words: str, **environment: str) -> None:
        self.data = folder / "data"
        (folder / "holds.py").write_text(HOLDS, encoding="utf-8")
        kept = {k: v for k, v in os.environ.items() if not k.startswith("VITRAIL_") and k != "NO_COLOR"}
        self.terminal = pexpect.spawn(
            sys.executable,
            ["-m", "beamline.cli", "shell", "--data", str(self.data), *words],
            env={**kept, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "IPYTHONDIR": str(folder), **environment},
            cwd=folder,
            dimensions=(50, 170),
            encoding="utf-8",
            timeout=START_S,
        )
        self.seen = ""
        self.banner = ""

    def reads(self, pattern: str) -> str:
        """Wait for it; what came before it and with it, without colours."""
        self.terminal.expect(pattern)
        text = f"{self.terminal.before}{self.terminal.after}"
        self.seen += text
        return ESCAPES.sub("", text)

    def types(self, line: str, pattern: str) -> str:
        """A line, and what is waited for."""
        self.terminal.send(line + "\r")
        return self.reads(pattern)


@contextmanager
def at_a_terminal(folder: Path) -> Iterator[Person]:
    somebody = Person(folder)
    try:
        somebody.banner = somebody.reads(r"In \[")
        yield somebody
    finally:
        somebody.terminal.close(force=True)


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    with at_a_terminal(tmp_path_factory.mktemp("shell")) as somebody:
        yield somebody


@pytest.fixture
def leaver(tmp_path: Path) -> Iterator[Person]:
    """Somebody whose session ends in the test."""
    with at_a_terminal(tmp_path) as somebody:
        yield somebody


def test_the_banner_says_twin_in_colour_and_what_is_at_hand(person: Person) -> None:
    assert "TWIN  simulated-bench" in person.banner
    assert "\x1b[1;30;42m TWIN \x1b[0m" in person.seen
    assert str(person.data) in person.banner
    assert "%suggest" in person.banner


def test_wa_groups_by_device_in_units_with_bounds(person: Person) -> None:
    text = person.types("%wa laser furnace", r"heater.*standby[^\n]*\n")
    rows = [line.rstrip() for line in text.splitlines()]
    (energy,) = [row for row in rows if row.strip().startswith("pulse_energy_uJ")]
    assert re.search(r" \d+  uJ +1 to 400$", energy)
    (output,) = [row for row in rows if row.strip().startswith("output ")]
    assert output.endswith("closed | open")
    (header,) = [row for row in rows if "value" in row and "unit" in row]
    assert header.index("unit") == energy.index(
        "uJ ", len("  pulse_energy_uJ ")
    )  # the columns stand under their headings
    assert person.types("%wa nothing", r"no device nothing; there are laser, stage")


def test_mov_moves_and_says_where_it_is(person: Person) -> None:
    assert person.types("%mov laser.pulse_energy_uJ 120 stage.x_mm 130", r"stage\.x_mm = 130 mm")
    person.types("laser.pulse_energy_uJ.get() + 1000", r"1120\.0")
    person.types("%movr stage.x_mm -0.5", r"stage\.x_mm = 129\.5 mm")
    person.types("%mov laser.nothing 1", r"laser\.nothing cannot be moved; there are laser\.pulse_energy_uJ")


def test_a_limit_is_refused_in_one_line_and_the_traceback_is_there_when_asked_for(person: Person) -> None:
    text = person.types("%mov furnace 900", r"\(%tb: where\)")
    assert "LimitError: furnace: 900 degC is outside its limits, 20 to 560 degC" in text
    assert "Traceback" not in text
    assert "Traceback" in person.types("%tb", r"most recent call last")


def test_ct_counts_and_a_scan_is_a_table_and_a_record(person: Person) -> None:
    assert "lamp off" in person.types("%ct 2", r"spectrometer: 2048 counts[^\n]*\n")
    text = person.types("RE(bp.scan([spectrometer], stage.x_mm, 130, 132, 3))", r"generator scan")
    assert re.search(r"\| +3 \|.*\| +132\.000 \|", text)
    person.types("'runs', len(cat.runs(plan_name='scan')), len(cat.runs(plan_name='count'))", r"\('runs', 1, 1\)")


def test_tab_shows_units_and_bounds(person: Person) -> None:
    person.terminal.send("laser.\t")
    assert re.search(r"pulse_energy_uJ +uJ, 1 to 400", person.reads(r"kHz, 1 to 1000"))
    person.terminal.send("\x15")  # clears the line
    person.terminal.send("%mov furnace.\t")
    assert "ramp_C_min" in person.reads(r"degC/min, 0\.1 to 20")
    person.terminal.send("\x15")
    person.types("'cl' + 'ear'", "'clear'")


def test_coupons_and_sites_say_where_they_are_and_what_happened(person: Person) -> None:
    assert re.search(r"BI-01 +rack", person.types("%coupon", r"I-01 +rack[^\n]*\n"))
    person.types("%site BI-01 A1", r"no site A1 on coupon BI-01")
    person.types("%coupon XX", r"no coupon XX; there are BR-01, BI-01, I-01")


def test_ctrl_c_pauses_and_says_what_then(person: Person) -> None:
    person.types("%run -i holds.py", r"In \[")
    person.terminal.send("RE(holds())\r")
    person.reads("New stream|Persistent Unique")
    person.terminal.send("\x03")
    person.reads("deferred pause|pause")
    person.terminal.send("\x03")
    assert 'RE.abort("why")' in person.reads(r"make_safe\(bench\)")
    person.types("RE.state, furnace.heater.get()", r"paused.*on")
    person.types("RE.abort('enough')", r"In \[")
    person.types("RE.state, laser.output.get()", r"idle.*closed")
    (run,) = Records(person.data).runs(purpose="held")
    assert run.stop is not None
    assert (run.stop["exit_status"], run.stop["reason"]) == ("abort", "enough")


def test_what_was_typed_is_kept_for_its_owner_alone(person: Person) -> None:
    person.types("%mov furnace 900", r"\(%tb: where\)")
    person.types("1 + 1", "2")  # what was typed is written once it has run
    (file,) = (person.data / "shell").glob("typed-*.py")
    text = file.read_text(encoding="utf-8")
    assert "%mov furnace 900\n# failed: LimitError: furnace: 900 degC" in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((person.data / "shell" / "history.sqlite").stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_leaving_with_a_plan_paused_makes_safe_and_closes_its_run(leaver: Person) -> None:
    leaver.types("%run -i holds.py", r"In \[")
    leaver.terminal.send("RE(holds())\r")
    leaver.reads("Persistent Unique")
    leaver.terminal.send("\x03\x03")
    leaver.reads(r"make_safe\(bench\)")
    leaver.types("furnace.heater.get()", "'on'")
    text = leaver.types("exit", r"furnace in standby")
    assert "a plan was paused: it is aborted" in text
    leaver.terminal.expect(pexpect.EOF)
    leaver.terminal.close()
    assert leaver.terminal.exitstatus == 0
    (run,) = Records(leaver.data).runs(purpose="held")
    assert run.stop is not None
    assert (run.stop["exit_status"], run.stop["reason"]) == ("abort", "the session was left")


def test_without_colours_none_are_written(tmp_path: Path) -> None:
    quiet = Person(tmp_path, "%wa changer", NO_COLOR="1")
    quiet.terminal.expect(pexpect.EOF)
    assert not re.search(r"\x1b\[[0-9;]*m", quiet.terminal.before)
    assert " TWIN " in quiet.terminal.before
