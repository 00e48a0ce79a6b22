"""Messages beside a night: they arrive, they hold nothing up, and no secret is left anywhere."""

from __future__ import annotations

import json
import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from small_campaigns import small_campaign

from beamline.campaign import parse_campaign
from beamline.campaign.state import Done, Failed, Waiting
from beamline.cli import main
from beamline.instrument import Instrument, load_instrument
from beamline.night import run_night
from beamline.notify import Notifier, NotifySettings, NtfySettings, WebhookSettings
from beamline.session import open_session

SECRET = "s3cr3t-of-the-night"  # noqa: S105  # of a test
NIGHT = small_campaign("told")
WAITS = Waiting(since_s=5, reason="stuck", ends_when="it works")


def notifier(settings: NotifySettings, **more: Any) -> Notifier:
    return Notifier(settings, name="n", uid="u", instrument="i", **more)


def to(web: Any, **more: Any) -> NotifySettings:
    return NotifySettings(webhook=WebhookSettings(url=f"http://127.0.0.1:{web.port}/"), **more)


def test_nothing_is_sent_and_no_thread_runs_where_nothing_is_configured() -> None:
    before = threading.active_count()
    one = notifier(NotifySettings())
    one(Done(since_s=1, reason="r"))
    assert threading.active_count() == before
    assert one.drain()


def test_what_is_taken_is_sent_in_order_before_the_drain_ends(web: Any) -> None:
    one = notifier(to(web))
    for state in (WAITS, WAITS, Failed(since_s=9, reason="gave up")):  # the same twice is told once
        one(state)
    assert one.drain()
    assert [said["body"]["event"] for said in web.said] == ["operator", "failure"]


def test_only_the_events_that_are_wanted(web: Any) -> None:
    one = notifier(to(web, events=("failure",)))
    one(WAITS)
    one(Failed(since_s=9, reason="gave up"))
    assert one.drain()
    assert [said["body"]["event"] for said in web.said] == ["failure"]


def test_a_condition_that_comes_and_goes_fills_no_telephone(web: Any) -> None:
    one = notifier(to(web))
    for number in range(130):
        one(WAITS.model_copy(update={"reason": f"door {number}"}))
    assert one.drain()
    assert len(web.said) == 100


def test_it_is_tried_again_and_then_given_up(web: Any, caplog: pytest.LogCaptureFixture) -> None:
    web.status = 500
    one = notifier(to(web), again_s=(0.0, 0.0))
    one(Done(since_s=1, reason="r"))
    assert one.drain()
    assert len(web.said) == 3
    assert caplog.text.count("the server answered 500") == 3


def test_a_server_that_hangs_holds_nobody_up(web: Any) -> None:
    web.hangs = threading.Event()
    one = notifier(to(web, timeout_s=60.0))
    begin_s = time.monotonic()
    one(Done(since_s=1, reason="r"))
    assert not one.drain(within_s=0.1)
    assert time.monotonic() - begin_s < 30
    web.hangs.set()


def test_whatever_is_raised_ends_no_thread(web: Any, caplog: pytest.LogCaptureFixture) -> None:
    def find(_name: str) -> Any:
        raise KeyError(SECRET)

    hook = WebhookSettings(url=f"http://127.0.0.1:{web.port}/", token_from="VITRAIL_NOTIFY_T")  # noqa: S106
    ntfy = NtfySettings(url=f"http://127.0.0.1:{web.port}/", topic="t")
    one = notifier(NotifySettings(webhook=hook, ntfy=ntfy), find=find)
    one(Done(since_s=1, reason="r"))
    assert one.drain()
    assert [said["body"].get("topic") for said in web.said] == ["t"]
    assert "KeyError" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("status", [200, 403])
def test_a_night_tells_its_end_and_leaves_no_secret_behind(
    web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("VITRAIL_NOTIFY_T", SECRET)
    monkeypatch.setenv("VITRAIL_NOTIFY_URL", f"http://127.0.0.1:{web.port}/{SECRET}")
    monkeypatch.setattr("beamline.notify.notifier.AGAIN_S", ())
    web.status = status
    settings = NotifySettings(
        webhook=WebhookSettings(url_from="VITRAIL_NOTIFY_URL"),
        ntfy=NtfySettings(
            url=f"http://127.0.0.1:{web.port}",
            topic_from="VITRAIL_NOTIFY_T",
            token_from="VITRAIL_NOTIFY_T",  # noqa: S106
        ),
    )
    campaign = parse_campaign(NIGHT)
    instrument = Instrument().model_copy(update={"notify": settings})
    data = tmp_path / "data"
    with open_session(
        instrument, coupons=campaign.coupons, data=data, seed=1, unattended=False, catalog=False
    ) as session:
        outcome = run_night(session, campaign)
    assert outcome.exit_status == "success"
    assert {said["path"] for said in web.said} == {f"/{SECRET}", "/"}
    assert web.said[0]["body"]["title"] == "told: done"
    written = [path for path in data.rglob("*") if path.is_file()]
    assert written
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in caplog.text
    assert SECRET not in repr(settings) + settings.model_dump_json() + instrument.model_dump_json()


def test_the_command_sends_a_message_by_each_way(
    web: Any, mail: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITRAIL_NOTIFY_T", SECRET)
    file = tmp_path / "instrument.toml"
    file.write_text(
        f"""
[notify.webhook]
url = "http://127.0.0.1:{web.port}/hook"
token_from = "VITRAIL_NOTIFY_T"
[notify.email]
host = "127.0.0.1"
port = {mail.port}
security = "none"
sender = "bench@lab"
to = ["a@lab"]
"""
    )
    done = CliRunner().invoke(main, ["notify", "test", "--instrument", str(file)])
    assert (done.exit_code, done.output) == (0, "email: taken\nwebhook: taken\n")
    assert load_instrument(file).notify.events == ("end", "failure", "operator")
    web.status = 500
    done = CliRunner().invoke(main, ["notify", "test", "--instrument", str(file)])
    assert done.exit_code == 1
    assert "NOT SENT: webhook: HTTPException: the server answered 500" in done.output
    assert SECRET not in done.output
    done = CliRunner().invoke(main, ["notify", "test", "--instrument", str(file), "--json"])
    assert done.exit_code == 1
    assert [(one["name"], one["taken"]) for one in json.loads(done.stdout)["channels"]] == [
        ("email", True),
        ("webhook", False),
    ]
    file.write_text(json.dumps("x").replace('"x"', 'name = "x"'))
    assert CliRunner().invoke(main, ["notify", "test", "--instrument", str(file)]).exit_code == 2
