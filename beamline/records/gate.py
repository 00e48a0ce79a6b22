"""A second key for a Tiled server of one user: whoever comes with it may read, and neither write nor delete.

Tiled knows one key where there are no accounts. A request that carries the reader's key is let in with the scopes that
Tiled itself gives to an anonymous reader of a public server; what each of its routes needs, Tiled checks as always.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

__all__ = ["with_reader_key"]

_MARK: Final = "vitrail_reader"

Scope = MutableMapping[str, Any]
Channel = Callable[..., Awaitable[Any]]


def with_reader_key(app: Any, *, api_key: str, reader_key: str) -> Callable[[Scope, Channel, Channel], Awaitable[None]]:
    """An application around Tiled's, in which a reader's key is known too.

    The reader's key counts in the header `Authorization: Apikey ...` alone, which is where Tiled's client puts it.

    Args:
        app: as Tiled's `build_app_from_config` makes it.
        api_key: its single-user key, for everything.
        reader_key: for reading.

    Raises:
        ValueError: the two keys are the same.
    """
    from starlette.requests import Request  # noqa: PLC0415  # the server side is heavy
    from tiled.access_control.scopes import NO_SCOPES, PUBLIC_SCOPES, SINGLE_USER_SCOPES  # noqa: PLC0415
    from tiled.server.authentication import get_api_key, get_current_scopes  # noqa: PLC0415

    if secrets.compare_digest(api_key, reader_key):
        raise ValueError("the key of readers is the key of writers: give two")

    async def scopes_of(request: Any) -> frozenset[str]:
        if request.scope.get(_MARK):
            return PUBLIC_SCOPES  # type: ignore[no-any-return]  # Tiled ships no types
        given = await get_api_key(
            request.query_params.get("api_key"),
            _key_in_header(request.scope),
            request.cookies.get("tiled_api_key"),
        )
        is_ours = given is not None and secrets.compare_digest(given.encode(), api_key.encode())
        return SINGLE_USER_SCOPES if is_ours else NO_SCOPES  # type: ignore[no-any-return]

    scopes_of.__annotations__["request"] = (
        Request  # FastAPI looks for the class, which is not among this module's names
    )
    app.dependency_overrides[get_current_scopes] = scopes_of

    async def gate(scope: Scope, receive: Channel, send: Channel) -> None:
        if scope["type"] == "http":
            key = _key_in_header(scope)
            if key is not None and secrets.compare_digest(key.encode(), reader_key.encode()):
                scope = {**scope, "headers": _with_key(scope, api_key), _MARK: True}
        await app(scope, receive, send)

    return gate


def _key_in_header(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name.lower() == b"authorization":
            scheme, _, key = value.decode("latin-1").partition(" ")
            return key.strip() if scheme.lower() == "apikey" else None
    return None


def _with_key(scope: Scope, api_key: str) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in scope["headers"] if name.lower() != b"authorization"]
    return [*kept, (b"authorization", f"Apikey {api_key}".encode())]
