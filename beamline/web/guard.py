"""Who may ask at all: a ring around the application that knows hosts, origins and sizes, and nothing of nights.

A page of somebody else's that is open in the same browser can send requests here. It cannot read an answer (no CORS header
is ever sent), and by a name that it points at this machine (DNS rebinding) it gets none: the `Host` must be one of ours.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Guard", "Hosts"]

MOST_BODY_BYTES: Final = 65536
"""An edit of some hundred sites."""
MOST_URL_BYTES: Final = 2048
SAFE: Final = frozenset({"GET", "HEAD"})

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True)
class Hosts:
    """By which names the server may be called.

    Attributes:
        names: lower case, without a port.
        any_address: whether any IP address is one, as when others may reach it: an address cannot be rebound.
    """

    names: frozenset[str] = frozenset({"localhost", "127.0.0.1", "::1"})
    any_address: bool = False

    def has(self, authority: str) -> bool:
        """Whether `host` or `host:port` is one of them."""
        name = _host_of(authority)
        if name in self.names:
            return True
        return self.any_address and _is_address(name)

    def with_names(self, names: Iterable[str]) -> Hosts:
        """These too."""
        return Hosts(self.names | {name.lower() for name in names}, self.any_address)


class Guard:
    """Refuses what does not come from a page of this server, and puts the headers of its policy on every answer.

    Args:
        app: what is guarded.
        hosts: by which names it may be called.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # a web socket is none of ours: closed without a word
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        answered = _with_headers(send)
        if refusal is not None:
            status, why = refusal
            await JSONResponse({"error": why}, status)(scope, receive, answered)
            return
        await self._app(scope, _bounded(receive), answered)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._hosts.has(hosts[0]):
            return 421, "this server is not known by that name; --allow-host gives it another"
        if len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"") > MOST_URL_BYTES:
            return 414, "the address is too long"
        origin = headers.get("origin")
        if origin is not None and origin != f"{scope['scheme']}://{hosts[0]}":
            return 403, "the request comes from a page of another server"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not _is_navigation(scope, headers):
            return 403, "the request comes from a page of another server"
        length = headers.get("content-length", "0" if scope["method"] in SAFE else "")
        if not (length.isascii() and length.isdecimal()):
            return 411, "a length is wanted"
        return (413, f"more than {MOST_BODY_BYTES} bytes") if int(length[:12]) > MOST_BODY_BYTES else None


def _is_navigation(scope: Scope, headers: Headers) -> bool:
    """A link on another page that somebody follows: a new page, which the other one cannot read."""
    return scope["method"] in SAFE and headers.get("sec-fetch-mode") == "navigate"


def _with_headers(send: Send) -> Send:
    async def answered(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("Content-Security-Policy", POLICY)
            headers.setdefault("Cache-Control", "no-store")
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return answered


def _bounded(receive: Receive) -> Receive:
    n_bytes = 0

    async def bounded() -> Message:
        nonlocal n_bytes
        message = await receive()
        n_bytes += len(message.get("body", b""))
        if n_bytes > MOST_BODY_BYTES:  # longer than it said
            return {"type": "http.disconnect"}
        return message

    return bounded


def _host_of(authority: str) -> str:
    try:
        return (urlsplit(f"//{authority}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
