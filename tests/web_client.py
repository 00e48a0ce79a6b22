"""Asks an ASGI application without a network, one request after the other."""

from __future__ import annotations

import asyncio
from typing import Any, Self

import httpx

OURS = "http://127.0.0.1:8765"


class Client:
    """As `httpx.Client`, for an application in this process."""

    def __init__(self, app: Any, base_url: str = OURS) -> None:
        self._app, self._base_url = app, base_url

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
