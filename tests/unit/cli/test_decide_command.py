"""`vitrail campaign decide`, and the shell's `%suggest`, `%accept`, `%edit`, `%reject`: a question answered from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from IPython.core.error import UsageError
from made_up_nights import begun_night, third_question

from beamline.audit import read_audit
from beamline.campaign.question import Question, open_question, posed, read_answer
from beamline.cli import main
from beamline.records import Records
from beamline.shell.advice_magics import AdviceMagics


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Question]:
    begun_night(tmp_path)
    question = third_question(tmp_path)
    with posed(tmp_path, question):
        yield question


def decide(folder: Path, *words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["campaign", "decide", *words, "--data", str(folder)], catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


def test_the_question_is_shown_with_its_reasons_and_bounds(tmp_path: Path, asked: Question) -> None:
    code, text, _ = decide(tmp_path)
    assert code == 0
    assert f"asks about its coupon 3 (question {asked.number[:8]}, since " in text
    assert "it is made as suggested)" in text
    assert "P(target reached) = 0.25, learnt from 8 sites" in text
    assert "C3 (BrI): 500 degC for 1:00 h" in text
    assert "630.0 ± 4.0" in text
    assert "before: C3 rejected by ada: <b>too</b> hot" in text
    assert "may be: temperature_C 200 to 550 degC, hold_s 1800 to 7200 s, pulse_energy_uJ 80 to 260 uJ" in text
    assert "vitrail campaign decide --approve | --edit temperature_C=..." in text
    code, text, _ = decide(tmp_path, "made-up", "--json")
    assert json.loads(text)["question"]["number"] == asked.number


def test_an_edit_is_taken_and_a_second_decision_is_told(tmp_path: Path, asked: Question) -> None:
    first = asked.suggestion.sites[0].site.name
    code, text, _ = decide(tmp_path, "--edit", "hold_s=4000", "--edit", f"{first}=out", "--note", "a trial")
    assert code == 0
    assert "C3 edited, and made so (by " in text
    given = read_answer(tmp_path, asked)
    assert given is not None
    assert (given.decision.kind, given.decision.note, given.interface) == ("edit", "a trial", "command")
    code, _, why = decide(tmp_path, "--approve")
    assert (code, "does not wait for a decision" in why) == (1, True)
    assert [one["action"] for one in read_audit(tmp_path)] == ["edit"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--approve", "--reject", "no"), "--approve and --reject: one of them"),
        (("--edit", "temperature_C"), "KEY=VALUE is wanted"),
        (("--edit", "hold_s=1", "--edit", "hold_s=2"), "hold_s is given twice"),
        (("--edit", "hold_s=10"), "hold_s 10 is not within 1800 to 7200 s"),
        (("--edit", "Q7.pulse_energy_uJ=100"), "sites: A1, A2, B1, B2"),
        (("--reject", " "), "say why"),
        (("--approve", "--site", "A1"), "single sites are named to reject them"),
        (("--approve", "--question", "beef"), "is asked; look at it, and decide again"),
        (("other", "--approve"), "no campaign other"),
    ],
)
def test_what_cannot_be_done_is_refused_with_exit_code_2(
    tmp_path: Path, asked: Question, words: tuple[str, ...], said: str
) -> None:
    code, _, why = decide(tmp_path, *words)
    assert (code, said in why) == (2, True), why
    assert open_question(tmp_path, asked.campaign_uid) == asked


def test_a_night_that_does_not_ask_is_exit_code_1(tmp_path: Path) -> None:
    begun_night(tmp_path)
    assert decide(tmp_path)[0] == 1
    assert json.loads(decide(tmp_path, "--json")[1]) == {"question": None}


# ------------------------------------------------------------------------------------------------------------- the shell
def magics(folder: Path) -> AdviceMagics:
    return AdviceMagics(None, SimpleNamespace(records=Records(folder)), None)  # type: ignore[arg-type]  # what of a session it needs


def test_in_the_shell_the_question_is_shown_and_then_answered(
    tmp_path: Path, asked: Question, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = magics(tmp_path / "another")
    with pytest.raises(UsageError, match=r"%accept: no night on .*another waits for a decision"):
        shell.accept("")
    shell.suggest(str(tmp_path))
    assert "made-up 11111111 asks about its coupon 3" in capsys.readouterr().out
    with pytest.raises(UsageError, match=r"%edit: .*hold_s 10 is not within"):
        shell.edit_suggestion("hold_s=10")
    with pytest.raises(UsageError, match="%reject: say why"):
        shell.reject("")
    shell.reject("the coupon has a scratch")
    assert "C3 rejected; another is suggested (by " in capsys.readouterr().out
    given = read_answer(tmp_path, asked)
    assert given is not None
    assert (given.decision.note, given.interface) == ("the coupon has a scratch", "shell")


def test_what_was_not_looked_at_is_not_decided(tmp_path: Path, asked: Question) -> None:
    shell = magics(tmp_path)
    with pytest.raises(UsageError, match="%accept: made-up asks about C3; %suggest shows it, then decide"):
        shell.accept("")
    shell.suggest("")
    shell.accept("as discussed")
    assert read_answer(tmp_path, asked) is not None
