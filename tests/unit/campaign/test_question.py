"""Questions and answers as files: refused where they are given, one that wins, numbers that find again what was asked."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from small_campaigns import small_campaign

from beamline.audit import read_audit
from beamline.campaign import parse_campaign
from beamline.campaign.answering import give
from beamline.campaign.question import (
    Answer,
    AnswerError,
    Question,
    answer,
    open_question,
    posed,
    question_of,
    question_path,
    read_answer,
    settle,
)
from beamline.night import optimizer_of
from beamline.optimize.decide import Approve, Decided, Edit, OwnPoint, OwnPoints, Reject
from beamline.recipe import HeatTreatment, Line, Site

UID = "11111111-2222-3333-4444-555555555555"
CAMPAIGN = parse_campaign(small_campaign("asks", n_coupons=3, n_sites=4, more="[review]\nask = true\nwait_s = 60"))
ADA = Approve(by="ada")


def question(before: tuple[Decided, ...] = (), **changed: Any) -> Question:
    optimizer = optimizer_of(CAMPAIGN)
    made = question_of(
        CAMPAIGN,
        UID,
        optimizer.suggest(CAMPAIGN.coupons),
        n_coupon=1,
        coupons=CAMPAIGN.coupons,
        before=before,
        status=optimizer.status(),
        learnt=(),
    )
    return made.model_copy(update=changed)


def test_a_question_is_open_as_long_as_its_process_lives_and_nobody_has_answered(tmp_path: Path) -> None:
    asked = question()
    with posed(tmp_path, asked):
        assert open_question(tmp_path, UID) == asked
        assert open_question(tmp_path, "another") is None
        left_behind = question_path(tmp_path, UID).read_bytes()
        given = answer(tmp_path, asked, ADA, interface="command")
        assert open_question(tmp_path, UID) is None
        assert read_answer(tmp_path, asked) == given
    assert open_question(tmp_path, UID) is None
    other = question(number="f" * 16)
    with posed(tmp_path, other):
        left_behind = question_path(tmp_path, UID).read_bytes()
    question_path(tmp_path, UID).write_bytes(left_behind)  # as a killed process leaves it
    assert open_question(tmp_path, UID) is None
    with pytest.raises(AnswerError, match="does not wait for a decision any more"):
        answer(tmp_path, other, ADA, interface="web")


def test_the_same_question_has_the_same_number_and_another_has_another() -> None:
    first = question()
    assert question().number == first.number
    rejected = Decided(suggestion=first.suggestion, decision=Reject(by="ada", note="no"))
    assert question(before=(rejected,)).number != first.number
    assert Question.from_json(first.to_json()) == first


def own(serial: str, *places: tuple[float, float]) -> OwnPoints:
    coupon = next(c for c in CAMPAIGN.coupons if c.serial == serial)
    writing = Line(pulse_energy_uJ=100.0, speed_mm_s=0.5)
    points = [
        OwnPoint(site=Site(coupon=serial, name=f"X{i}", x_mm=x, y_mm=y), writing=writing)
        for i, (x, y) in enumerate(places)
    ]
    heat = HeatTreatment(temperature_C=220.0, hold_s=700.0, ramp_C_min=20.0)
    return OwnPoints(by="ada", coupon=coupon, heat_treatment=heat, points=tuple(points))


REFUSED: list[tuple[Any, str]] = [
    (
        Edit(by="a", heat_treatment=HeatTreatment(temperature_C=300.0, hold_s=700.0, ramp_C_min=20.0)),
        "is not within 200 to 250",
    ),
    (Edit(by="a", leave_out=("Z9",)), "no site Z9 in this suggestion"),
    (Reject(by="a", note="no", sites=("Z9",)), "no site Z9 in this suggestion"),
    (own("C2", (5.0, 5.0), (5.5, 5.5)), "2 mm are kept free"),
    (own("C2", (0.2, 5.0)), "along the edge"),
]


@pytest.mark.parametrize(("decision", "words"), REFUSED)
def test_what_cannot_be_done_is_refused_where_it_is_given_and_the_question_stays_open(
    tmp_path: Path, decision: Any, words: str
) -> None:
    asked = question()
    with posed(tmp_path, asked):
        with pytest.raises(AnswerError, match=words):
            answer(tmp_path, asked, decision, interface="command")
        assert open_question(tmp_path, UID) == asked
        assert answer(tmp_path, asked, own("C2", (5.0, 5.0)), interface="command").decision.kind == "own"


def test_a_coupon_that_was_used_is_refused(tmp_path: Path) -> None:
    asked = question(coupons=CAMPAIGN.coupons[:1])
    with (
        posed(tmp_path, asked),
        pytest.raises(AnswerError, match="coupon C2 is not at hand, or was used; there are C1"),
    ):
        answer(tmp_path, asked, own("C2", (5.0, 5.0)), interface="command")


def test_an_answer_to_an_older_question_is_refused(tmp_path: Path) -> None:
    older, now = question(number="0" * 16), question()
    with posed(tmp_path, now):
        with pytest.raises(AnswerError, match=f"an older question; now asks asks about C1 .question {now.number[:8]}"):
            answer(tmp_path, older, ADA, interface="web")
        assert open_question(tmp_path, UID) == now


def test_of_many_answers_at_once_one_counts_and_the_others_are_told(tmp_path: Path) -> None:
    asked, taken, refused = question(), [], []
    ready = threading.Barrier(8)

    def somebody(n: int) -> None:
        ready.wait()
        try:
            taken.append(answer(tmp_path, asked, Approve(by=f"number {n}"), interface="web"))
        except AnswerError as error:
            refused.append(str(error))

    with posed(tmp_path, asked):
        threads = [threading.Thread(target=somebody, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert read_answer(tmp_path, asked) == taken[0]
        late = settle(tmp_path, asked, Approve(by="nobody"))
    assert len(taken) == 1
    assert len(refused) == 7
    assert all(f"decided already: approve by {taken[0].decision.by}" in one for one in refused)
    assert late == taken[0], "who came before the deadline counts"
    assert not list((tmp_path / "state").glob("*.draft"))


def test_an_answer_that_nobody_can_read_or_do_is_none(tmp_path: Path) -> None:
    asked = question()
    with posed(tmp_path, asked):
        given = answer(tmp_path, asked, ADA, interface="web")
        (path,) = (tmp_path / "state").glob("*.answer-*.json")
        impossible = Answer(number=asked.number, decision=REFUSED[0][0], at=given.at, interface="a hand")
        for content in ("", "{", json.dumps({"number": asked.number}), impossible.to_json()):
            path.write_text(content, encoding="utf-8")
            assert read_answer(tmp_path, asked) is None
        assert open_question(tmp_path, UID) == asked
        assert answer(tmp_path, asked, ADA, interface="command").interface == "command"


def test_each_verdict_is_in_the_audit_trail_with_its_interface_taken_or_refused(tmp_path: Path) -> None:
    asked = question()
    with posed(tmp_path, asked):
        for verdict, about, words in (
            ("reject", {}, "say why"),
            ("reject", {"note": "no", "sites": ("Q1",)}, "no site Q1"),
            ("edit", {}, "changes nothing"),
            ("edit", {"changes": {"temperature_C": "900"}}, "temperature_C=900"),
            ("approve", {"changes": {"temperature_C": "210"}}, "changes are for an edit"),
            ("edit", {"changes": {"temperature_C": "210"}, "sites": ("A1",)}, "an edit leaves out by SITE=out"),
            ("approve", {"note": "x" * 1001}, "1001 characters"),
            ("approve", {"by": "y" * 200}, "at most 100 characters"),
        ):
            with pytest.raises(AnswerError, match=words):
                give(tmp_path, asked, verdict, **({"by": "ada"} | about), interface="web")  # type: ignore[arg-type]
        given = give(
            tmp_path,
            asked,
            "edit",
            by="ada",
            interface="shell",
            note="too\nhot ",
            changes={"temperature_C": "210", "A2": "out"},
        )
    assert isinstance(given.decision, Edit)
    assert (given.decision.heat_treatment.temperature_C, given.decision.note) == (210.0, "too hot")  # type: ignore[union-attr]
    last = read_audit(tmp_path)[-1]
    assert (last["interface"], last["action"], last["changes"], last["coupon"]) == (
        *("shell", "edit"),
        "temperature_C=210 A2=out",
        "C1",
    )
    assert [one["action"] for one in read_audit(tmp_path)[:2]] == ["reject refused", "reject refused"]


def test_what_the_night_decides_itself_counts_though_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    asked = question()
    with posed(tmp_path, asked):
        monkeypatch.setattr("os.link", full)
        given = settle(tmp_path, asked, Approve(by="nobody"))
        assert (given.decision.by, given.interface) == ("nobody", "night")
        assert "could not be written beside the records" in caplog.text
        with pytest.raises(OSError, match="No space left"):
            answer(tmp_path, asked, ADA, interface="web")
