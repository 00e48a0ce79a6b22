"""The table `[notify]` of an instrument file: where messages go, and of what. No secret stands in it, only the name of one."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from beamline.problems import InconsistentError, Problem
from beamline.recipe import Frozen, quantity

__all__ = ["EmailSettings", "Event", "NotifySettings", "NtfySettings", "WebhookSettings", "is_loopback"]

Event = Literal["end", "failure", "operator"]
SecretName = Annotated[str, Field(pattern=r"^VITRAIL_NOTIFY_[A-Z0-9_]{1,60}$")]
"""Of an environment variable, or of an entry of the keyring: only names of our own, so that a file that somebody sends cannot
have any other secret of this machine sent away."""
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
"""One word of printable ASCII: no white space, no line ends, so nothing can be added to a header."""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class EmailSettings(Frozen):
    """`[notify.email]`, by SMTP."""

    host: Line
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Line
    to: Annotated[tuple[Line, ...], Field(min_length=1, max_length=20)]
    user: Line | None = None
    password_from: SecretName | None = None

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.user is None) != (self.password_from is None):
            raise InconsistentError([Problem("notify.email", "give both of user and password_from, or neither")])
        if self.password_from and self.security == "none" and not is_loopback(self.host):
            text = f'"none" would send the password to {self.host} in the clear; give "starttls" or "tls"'
            raise InconsistentError([Problem("notify.email.security", text)])
        return self


def _checked_url(url: str, key: str, *, has_secret: bool) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InconsistentError([Problem(key, f"{url!r} is no address; give https://host/path")])
    if parts.username or parts.password:
        raise InconsistentError([Problem(key, "no user or password stands in the address; give token_from")])
    if has_secret and parts.scheme == "http" and not is_loopback(parts.hostname):
        text = f"http would send the secret to {parts.hostname} in the clear; give an address of https"
        raise InconsistentError([Problem(key, text)])


class WebhookSettings(Frozen):
    """`[notify.webhook]`: a POST of JSON; where the address itself is the secret, it is given by `url_from`."""

    url: Line | None = None
    url_from: SecretName | None = None
    token_from: SecretName | None = None

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.url is None) == (self.url_from is None):
            raise InconsistentError([Problem("notify.webhook", "give one of url and url_from")])
        if self.url is not None:
            _checked_url(self.url, "notify.webhook.url", has_secret=self.token_from is not None)
        return self


class NtfySettings(Frozen):
    """`[notify.ntfy]`: a topic of an ntfy server."""

    url: Line = "https://ntfy.sh"
    topic: Annotated[str, Field(pattern=r"^[-_A-Za-z0-9]{1,64}$")] | None = None
    topic_from: SecretName | None = None
    token_from: SecretName | None = None

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.topic is None) == (self.topic_from is None):
            raise InconsistentError([Problem("notify.ntfy", "give one of topic and topic_from")])
        _checked_url(self.url, "notify.ntfy.url", has_secret=bool(self.token_from or self.topic_from))
        return self


class NotifySettings(Frozen):
    """`[notify]`: what is told, and by which ways; none: nothing is sent."""

    events: Annotated[tuple[Event, ...], Field(max_length=3)] = ("end", "failure", "operator")
    timeout_s: Annotated[float, quantity("s", "of each step of a connection, by the wall", gt=0, le=60)] = 10.0
    email: EmailSettings | None = None
    webhook: WebhookSettings | None = None
    ntfy: NtfySettings | None = None

    @property
    def channels(self) -> tuple[EmailSettings | WebhookSettings | NtfySettings, ...]:
        """Those that are given."""
        return tuple(one for one in (self.email, self.webhook, self.ntfy) if one is not None)
