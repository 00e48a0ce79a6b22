"""Asks an ASGI application without a network, one request after the other; of a stream of events, its first piece."""

from __future__ import annotations

import asyncio
from typing import Any, Self

import anyio
import httpx

OURS = "http://127.0.0.1:8765"


def _begun_streams(app: Any) -> Any:
    """The application, where whoever asked for a stream of events is gone after its first piece: it has no end."""

    async def begun(scope: Any, receive: Any, send: Any) -> None:
        is_stream = False
        with anyio.CancelScope() as asked:

            async def first(message: Any) -> None:
                nonlocal is_stream
                if message["type"] == "http.response.start":
                    is_stream = dict(message["headers"]).get(b"content-type", b"").startswith(b"text/event-stream")
                elif is_stream and message.get("body"):
                    await send({**message, "more_body": False})
                    asked.cancel()
                    return
                await send(message)

            await app(scope, receive, first)

    return begun


class Client:
    """As `httpx.Client`, for an application in this process."""

    def __init__(self, app: Any, base_url: str = OURS) -> None:
        self._app, self._base_url = _begun_streams(app), base_url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def request(self, method: str, path: str, **about: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url=self._base_url) as client:
                return await client.request(method, path, **about)

        return asyncio.run(ask())

    def get(self, path: str, **about: Any) -> httpx.Response:
        return self.request("GET", path, **about)

    def post(self, path: str, **about: Any) -> httpx.Response:
        return self.request("POST", path, **about)
