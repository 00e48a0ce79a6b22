"""The ways of a message: SMTP, a webhook, ntfy. Each is one call that sends or raises `NotifyError`, and shows no secret.

Redirects are not followed, for they would carry the secret to somebody else; proxies of the environment are not used.
"""

from __future__ import annotations

import http.client
import json
import smtplib
import ssl
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import urlsplit

from beamline.notify.secrets import Secret, SecretMissingError, find_secret
from beamline.notify.settings import EmailSettings, NtfySettings, WebhookSettings, is_loopback
from beamline.notify.words import Notice

__all__ = ["Channel", "Find", "NotifyError", "name_of", "send"]

Channel = EmailSettings | WebhookSettings | NtfySettings
Find = Callable[[str], Secret]
MOST_BYTES = 4096
"""Of a reply that are read."""


class NotifyError(RuntimeError):
    """A message was not sent; the text says by which way and why, and holds no secret.

    To do: check address, secret and network with `vitrail notify test`; the night goes on without it.
    """


def name_of(channel: Channel) -> str:
    """Which way, for people."""
    return {EmailSettings: "email", WebhookSettings: "webhook", NtfySettings: "ntfy"}[type(channel)]


def send(channel: Channel, notice: Notice, *, timeout_s: float, find: Find = find_secret) -> None:
    """Send a message by one way.

    Raises:
        NotifyError: it was not taken.
    """
    secrets: list[Secret] = []

    def found(name: str) -> Secret:
        secrets.append(find(name))
        return secrets[-1]

    try:
        if isinstance(channel, EmailSettings):
            _email(channel, notice, timeout_s, found)
        elif isinstance(channel, WebhookSettings):
            _webhook(channel, notice, timeout_s, found)
        else:
            _ntfy(channel, notice, timeout_s, found)
    except SecretMissingError as error:
        raise NotifyError(f"{name_of(channel)}: {error}") from None
    except (OSError, smtplib.SMTPException, http.client.HTTPException, ValueError) as error:
        text = f"{type(error).__name__}: {error}"
        for secret in secrets:
            text = secret.hidden_in(text)
        # `from None`: the error itself may hold what was sent.
        raise NotifyError(f"{name_of(channel)}: {text}") from None


def _email(channel: EmailSettings, notice: Notice, timeout_s: float, find: Find) -> None:
    message = EmailMessage()
    message["Subject"] = notice.title
    message["From"] = channel.sender
    message["To"] = ", ".join(channel.to)
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain="vitrail.invalid")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(notice.text)
    context = ssl.create_default_context()
    if channel.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(channel.host, channel.port, timeout=timeout_s, context=context)
    else:
        server = smtplib.SMTP(channel.host, channel.port, timeout=timeout_s)
    with server:
        if channel.security == "starttls":
            server.starttls(context=context)
        if channel.user is not None and channel.password_from is not None:
            server.login(channel.user, find(channel.password_from).reveal())
        server.send_message(message)


def _webhook(channel: WebhookSettings, notice: Notice, timeout_s: float, find: Find) -> None:
    url = channel.url if channel.url is not None else find(str(channel.url_from)).reveal()
    token = find(channel.token_from) if channel.token_from else None
    body = {"event": notice.event, "title": notice.title, "text": f"{notice.title}\n{notice.text}"}
    _post(url, body, token, timeout_s, is_secret=channel.url_from is not None)


PRIORITY: Mapping[str, int] = {"end": 3, "failure": 5, "operator": 4}


def _ntfy(channel: NtfySettings, notice: Notice, timeout_s: float, find: Find) -> None:
    topic = channel.topic if channel.topic is not None else find(str(channel.topic_from)).reveal()
    token = find(channel.token_from) if channel.token_from else None
    body = {"topic": topic, "title": notice.title, "message": notice.text, "priority": PRIORITY[notice.event]}
    _post(channel.url, body, token, timeout_s)


def _post(
    url: str, body: Mapping[str, object], token: Secret | None, timeout_s: float, *, is_secret: bool = False
) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("the address is none of http or https")
    if is_secret and parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("the secret address is one of http: it would go in the clear")
    if parts.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=timeout_s, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token.reveal()}"
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, json.dumps(body).encode(), headers)
        reply = connection.getresponse()
        reply.read(MOST_BYTES)
        if not 200 <= reply.status < 300:
            raise http.client.HTTPException(f"the server answered {reply.status} {reply.reason[:100]}")
    finally:
        connection.close()
