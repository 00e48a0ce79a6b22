"""A night that asks, in a real browser beside it: shown without the token; rejected, edited, approved, and so done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from small_campaigns import small_campaign
from web_pages import Server, night_beside, shows, violations, within

from beamline.campaign.history import campaign_uids
from beamline.campaign.question import open_question
from beamline.records import Records

NIGHT = small_campaign("asks", n_sites=3, n_coupons=2, more="[review]\nask = true\nwait_s = 600\notherwise = 'stop'\n")


def test_what_is_decided_on_the_page_reaches_the_campaign(tmp_path: Path, pages: Callable[..., Any]) -> None:
    with night_beside(tmp_path, NIGHT) as (data, process):
        (uid,) = campaign_uids(Records(data))
        within(30, lambda: open_question(data, uid) is not None, "the night asks")
        server = Server(data)
        try:
            first = open_question(data, uid)
            assert first is not None
            page = pages(
                server.url, allow="409", viewport={"width": 390, "height": 844}, color_scheme="dark", bypass_csp=True
            )
            shows(page, "state", "waiting")
            page.wait_for_selector("#question-sites table")
            assert page.locator("#question-actions").is_hidden(), "without the token it only shows"
            assert first.suggestion.reason in page.inner_text("#question-why")
            assert "the night ends, and can be resumed" in page.inner_text("#question-until")

            page.click("#unlock")
            page.fill("#token", server.token)
            page.fill("#token-name", "ada")
            page.keyboard.press("Enter")
            page.wait_for_selector("#reject")  # shown when the token was found right
            page.focus("#reject")
            page.keyboard.press("Enter")
            page.fill("#reject-why", "not so hot")
            page.keyboard.press("Enter")
            within(20, lambda: (now := open_question(data, uid)) is not None and now.number != first.number, "another")
            page.wait_for_selector("#question-before li")
            assert "C1 was rejected by ada: not so hot" in page.inner_text("#question-before")
            assert violations(page) == []

            page.click("#edit")
            assert violations(page) == []
            page.fill("#edit-temperature_C", "251")
            page.click("#edit-ok")
            assert page.evaluate("document.activeElement.id") == "edit-temperature_C", (
                "beyond the bounds: it is not sent"
            )
            page.fill("#edit-temperature_C", "211")
            page.uncheck('#edit-dialog [data-site="A2"]')
            page.fill("#edit-note", "a trial")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            page.click("#edit-ok")
            page.wait_for_selector("#edit-dialog", state="hidden")
            within(30, lambda: (now := open_question(data, uid)) is not None and now.n_coupon == 2, "the second coupon")
            shows(page, "coupons", "1 of 2")
            page.wait_for_function("document.querySelector('#question-about').textContent.startsWith('C2')")
            page.click("#approve")
            shows(page, "state", "done", timeout=30000)
            assert page.locator("#question").is_hidden()
            assert process.wait(30) == 0
        finally:
            server.end()
        assert_decided(data)


def assert_decided(data: Path) -> None:
    """What was said on the page is in the records, and was done."""
    records = Records(data)
    human = [one["decision"] for run in records.runs(purpose="decision") for one in run.start.get("human", ())]
    assert {one["interface"] for one in human} == {"web"}
    assert [(one["kind"], one["by"], one["note"]) for one in human] == [
        *(("reject", "ada", "not so hot"), ("edit", "ada", "a trial"), ("approve", "ada", ""))
    ]
    assert records.runs(purpose="heat_treatment")[0].start["heat_treatment"]["temperature_C"] == 211.0
    assert list(records.runs(purpose="writing")[0].start["sites"]) == ["A1", "B1"]
    audit = [json.loads(line) for line in (data / "audit.jsonl").read_text().splitlines()]
    assert [one["action"] for one in audit if one["interface"] == "web"] == ["reject", "edit", "approve"]
