"""What the night asks, on the page: shown to everybody, answered with the token only, refused with words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_up_nights import third_question
from web_client import Client

from beamline.audit import read_audit
from beamline.campaign.question import Question, posed, read_answer
from beamline.web.app import make_app


@pytest.fixture
def asked(running: Path) -> Iterator[Question]:
    """The night that runs asks about its third coupon, after it has rejected one."""
    question = third_question(running)
    with posed(running, question):
        yield question


def decide(folder: Path, uid: str, token: str, **said: Any) -> tuple[int, str]:
    with Client(make_app(folder, token)) as client:
        headers = {"Authorization": f"Bearer {token}"}
        answer = client.post(f"/api/campaigns/{uid}/decide", json=said, headers=headers)
        return answer.status_code, answer.json().get("error", "")


def test_the_question_is_in_the_data_with_bounds_for_an_edit_and_goes_with_its_night(
    running: Path, uid: str, token: str, asked: Question
) -> None:
    with Client(make_app(running, token)) as client:
        night = client.get(f"/api/campaigns/{uid}").json()
        shown = night["question"]
        assert (shown["number"], shown["n_coupon"], shown["p_reached"]) == (asked.number, 3, 0.25)
        assert shown["suggestion"]["coupon"] == "C3"
        assert shown["suggestion"]["sites"][0]["expected"]["red_peak_nm"] == "630 ± 4"
        assert shown["before"] == [{"coupon": "C3", "by": "ada", "note": "<b>too</b> hot"}]
        (temperature, _hold) = shown["edit"]["heat"]
        assert (temperature["low"], temperature["high"], temperature["unit"]) == (200.0, 550.0, "°C")
        assert [field["key"] for field in shown["edit"]["writing"]] == ["pulse_energy_uJ", "speed_mm_s", "n_passes"]
        assert night["convergence"]["trace"] == []
    first = asked.suggestion.sites[0].site.name
    status, _ = decide(
        running,
        uid,
        token,
        question=asked.number,
        verdict="edit",
        changes={f"{first}": "out", "hold_s": "4000"},
        by=" bob ",
    )
    assert status == 202
    given = read_answer(running, asked)
    assert given is not None
    assert (given.interface, given.decision.by, given.decision.kind) == ("web", "bob", "edit")
    assert [(e["interface"], e["action"], e["by"]) for e in read_audit(running)] == [("web", "edit", "bob")]
    with Client(make_app(running, token)) as client:
        assert client.get(f"/api/campaigns/{uid}").json()["question"] is None
    status, why = decide(running, uid, token, question=asked.number, verdict="approve")
    assert (status, "does not wait for a decision any more" in why) == (409, True)


@pytest.mark.parametrize(
    "refused",
    [
        ({"verdict": "approve", "question": "0" * 16}, 409, "an older question"),
        ({"verdict": "edit", "changes": {"temperature_C": "551"}}, 409, "temperature_C=551"),
        ({"verdict": "edit", "changes": {"hold_s": "10"}}, 409, "hold_s 10 is not within 1800 to 7200 s"),
        ({"verdict": "edit"}, 409, "changes nothing"),
        ({"verdict": "reject"}, 409, "say why"),
        ({"verdict": "own"}, 422, "verdict"),
        ({"verdict": "edit", "changes": {"hold_s": 3}}, 422, "changes"),
        ({"verdict": "approve", "by": "x" * 61}, 422, '"by"'),
    ],
)
def test_what_cannot_be_done_is_refused_and_the_question_stays(
    running: Path, uid: str, token: str, asked: Question, refused: tuple[dict[str, Any], int, str]
) -> None:
    said, status, words = refused
    code, why = decide(running, uid, token, **({"question": asked.number} | said))
    assert (code, words in why) == (status, True), why
    assert read_answer(running, asked) is None


def test_without_the_token_or_from_elsewhere_nobody_answers(
    running: Path, uid: str, token: str, asked: Question
) -> None:
    said = {"question": asked.number, "verdict": "approve"}
    path = f"/api/campaigns/{uid}/decide"
    with Client(make_app(running, token)) as client:
        right = {"Authorization": f"Bearer {token}"}
        for headers, status in (
            ({}, 401),
            ({"Authorization": "Bearer " + "0" * 64}, 401),
            ({"Cookie": f"token={token}"}, 401),
            (right | {"Origin": "http://evil.example"}, 403),
            (right | {"Sec-Fetch-Site": "cross-site"}, 403),
            (right | {"Host": "evil.example"}, 421),
            (right | {"Content-Type": "text/plain"}, 415),
        ):
            body = json.dumps(said).encode()
            sent = {"Content-Type": "application/json"} | headers
            assert client.post(path, content=body, headers=sent).status_code == status, headers
    assert read_answer(running, asked) is None
    assert read_audit(running) == []


def test_a_night_that_does_not_ask_says_so(running: Path, uid: str, token: str) -> None:
    status, why = decide(running, uid, token, question="0" * 16, verdict="approve")
    assert (status, why[:32]) == (409, "the night does not wait for a de")
