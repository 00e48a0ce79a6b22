"""Each way takes a message to a server of its protocol, says what went wrong, and shows no secret."""

from __future__ import annotations

import base64
import pickle
import sys
import threading
import types
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from beamline.campaign.state import Done, Failed, Paused, Recovering, Running, Stopped, Waiting
from beamline.notify import (
    EmailSettings,
    Notice,
    NotifyError,
    NtfySettings,
    Secret,
    SecretMissingError,
    WebhookSettings,
    find_secret,
    notice_of,
    send,
)

SECRET = "s3cr3t-of-the-night"  # noqa: S105  # of a test
NOTICE = Notice("failure", "night-1: FAILED", "the laser is gone\nafter 2.0 h")


def find(name: str) -> Secret:
    return find_secret(name, {"VITRAIL_NOTIFY_TOKEN": SECRET, "VITRAIL_NOTIFY_EMPTY": ""})


def test_a_webhook_gets_json_and_the_token(web: Any) -> None:
    url = f"http://127.0.0.1:{web.port}/hook?room=lab"
    send(WebhookSettings(url=url, token_from="VITRAIL_NOTIFY_TOKEN"), NOTICE, timeout_s=5, find=find)  # noqa: S106
    [said] = web.said
    assert (said["method"], said["path"]) == ("POST", "/hook?room=lab")
    assert said["headers"]["authorization"] == f"Bearer {SECRET}"
    assert said["body"] == {
        "event": "failure",
        "title": NOTICE.title,
        "text": "night-1: FAILED\nthe laser is gone\nafter 2.0 h",
    }


def test_a_webhook_whose_address_is_the_secret(web: Any) -> None:
    url = f"http://127.0.0.1:{web.port}/{SECRET}"
    send(WebhookSettings(url_from="VITRAIL_NOTIFY_URL"), NOTICE, timeout_s=5, find=lambda _name: Secret(url))
    assert web.said[0]["path"] == f"/{SECRET}"


def test_ntfy_gets_topic_title_and_priority(web: Any) -> None:
    channel = NtfySettings(url=f"http://127.0.0.1:{web.port}", topic="lab-3", token_from="VITRAIL_NOTIFY_TOKEN")  # noqa: S106
    send(channel, NOTICE, timeout_s=5, find=find)
    [said] = web.said
    assert said["body"] == {"topic": "lab-3", "title": NOTICE.title, "message": NOTICE.text, "priority": 5}
    assert said["headers"]["authorization"] == f"Bearer {SECRET}"


def test_mail_is_sent_with_its_password(mail: Any) -> None:
    channel = EmailSettings(
        host="127.0.0.1",
        port=mail.port,
        security="none",
        sender="bench@lab",
        to=("a@lab", "b@lab"),
        user="bench",
        password_from="VITRAIL_NOTIFY_TOKEN",  # noqa: S106
    )
    send(channel, NOTICE, timeout_s=5, find=find)
    [said] = mail.said
    assert base64.b64decode(said["auth"].split()[-1]).decode() == f"\0bench\0{SECRET}"
    assert [line.lower() for line in said["to"]] == ["rcpt to:<a@lab>", "rcpt to:<b@lab>"]
    assert "Subject: night-1: FAILED" in said["body"]
    assert "the laser is gone" in said["body"]
    assert SECRET not in said["body"]


def test_a_refusal_is_told_without_the_secret(web: Any, mail: Any) -> None:
    mail.status = web.status = 403
    channels = [
        WebhookSettings(url=f"http://127.0.0.1:{web.port}/", token_from="VITRAIL_NOTIFY_TOKEN"),  # noqa: S106
        EmailSettings(
            host="127.0.0.1",
            port=mail.port,
            security="none",
            sender="x",
            to=("y",),
            user="bench",
            password_from="VITRAIL_NOTIFY_TOKEN",  # noqa: S106
        ),
    ]
    for channel, word in zip(channels, ("403", "535"), strict=True):
        with pytest.raises(NotifyError, match=word) as raised:
            send(channel, NOTICE, timeout_s=5, find=find)
        assert SECRET not in str(raised.value)
        assert raised.value.__cause__ is None
        assert raised.value.__suppress_context__


def test_a_redirect_is_not_followed(web: Any) -> None:
    web.status = 302
    with pytest.raises(NotifyError, match="answered 302"):
        send(WebhookSettings(url=f"http://127.0.0.1:{web.port}/"), NOTICE, timeout_s=5)


def test_a_server_that_hangs_is_given_up(web: Any) -> None:
    web.hangs = threading.Event()
    with pytest.raises(NotifyError, match="timed out"):
        send(NtfySettings(url=f"http://127.0.0.1:{web.port}", topic="t"), NOTICE, timeout_s=0.1)


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret(SECRET)
    assert SECRET not in f"{secret} {secret!r} {[secret]}"
    assert secret.hidden_in(f"a {SECRET} b") == "a *** b"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_secrets_come_from_the_environment_and_then_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = types.ModuleType("keyring")
    asked: list[tuple[str, str]] = []

    def get_password(service: str, name: str) -> str | None:
        asked.append((service, name))
        return "of the ring" if name.endswith("RING") else None

    keyring.get_password = get_password  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    assert find("VITRAIL_NOTIFY_TOKEN").reveal() == SECRET
    assert asked == []
    assert find("VITRAIL_NOTIFY_RING").reveal() == "of the ring"
    assert asked == [("vitrail", "VITRAIL_NOTIFY_RING")]
    with pytest.raises(SecretMissingError, match="VITRAIL_NOTIFY_EMPTY is neither"):
        find("VITRAIL_NOTIFY_EMPTY")
    monkeypatch.setitem(sys.modules, "keyring", None)  # as where it is not installed
    with pytest.raises(SecretMissingError):
        find("VITRAIL_NOTIFY_RING")


@pytest.mark.parametrize(
    ("model", "given", "words"),
    [
        (WebhookSettings, {}, "one of url and url_from"),
        (WebhookSettings, {"url": "ftp://x/"}, "no address"),
        (WebhookSettings, {"url": "https://me:pw@x/"}, "no user or password"),
        (WebhookSettings, {"url": "http://x/", "token_from": "VITRAIL_NOTIFY_T"}, "in the clear"),
        (WebhookSettings, {"url": "https://x/", "token_from": "AWS_SECRET_ACCESS_KEY"}, "pattern"),
        (NtfySettings, {"topic": "a", "topic_from": "VITRAIL_NOTIFY_T"}, "one of topic and topic_from"),
        (NtfySettings, {"topic": "a/b"}, "pattern"),
        (EmailSettings, {"host": "h", "sender": "a\r\nBcc: b", "to": ("c",)}, "pattern"),
        (EmailSettings, {"host": "h", "sender": "a", "to": ("c",), "user": "u"}, "both of user and password_from"),
        (
            EmailSettings,
            {
                "host": "h",
                "sender": "a",
                "to": ("c",),
                "user": "u",
                "password_from": "VITRAIL_NOTIFY_P",
                "security": "none",
            },
            "in the clear",
        ),
    ],
)
def test_what_would_show_a_secret_is_refused(model: Any, given: dict[str, Any], words: str) -> None:
    with pytest.raises((ValidationError, ValueError), match=words):
        model(**given)


STATES = {
    Done(since_s=7200, reason="target reached"): "end",
    Stopped(since_s=1, reason="Ctrl-C"): "end",
    Failed(since_s=1, reason="the laser is gone"): "failure",
    Waiting(since_s=1, reason="the changer is stuck", ends_when="it works again"): "operator",
    Paused(since_s=1, reason="a door is open", ends_when="it is closed"): "operator",
    Running(since_s=1): None,
    Recovering(since_s=1, reason="a", ends_when="b"): None,
}


@pytest.mark.parametrize(("state", "event"), STATES.items())
def test_states_that_somebody_must_know_are_told(state: Any, event: str | None) -> None:
    notice = notice_of(state, name="night-1", uid="0123456789", instrument="bench-3")
    assert (notice.event if notice else None) == event
    if notice is not None:
        assert state.reason in notice.text
        assert getattr(state, "ends_when", "") in notice.text
        assert notice.text.endswith("\nbench-3, campaign 01234567")


@given(st.text(min_size=1, max_size=3000))
def test_any_reason_makes_a_title_of_one_line_and_a_short_text(reason: str) -> None:
    notice = notice_of(Failed(since_s=0, reason=reason), name=reason[:50], uid="u", instrument="i")
    assert notice is not None
    assert len(notice.title.splitlines()) == 1
    assert len(notice.text) <= 1000
