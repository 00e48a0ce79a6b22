"""More keys for a Tiled server of one user: who only reads, and who sees only runs that are whole.

Tiled knows one key where there are no accounts: that of the ingester. A request that carries the reader's key is let in
with the scopes that Tiled itself gives to an anonymous reader of a public server; what each of its routes needs, Tiled
checks as always. Whoever comes with another key than the ingester's sees a run when its stop document is in, which is
written last: never one that is half there. Nor does it make one: a run that is in no log would be lost with the next
rebuilding, and who writes one from the engine does not see what is being written.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

__all__ = ["with_keys"]

_READS: Final = "vitrail_reads"
_SEES_WHOLE: Final = "vitrail_sees_whole"
_NOT_HERE: Final = (
    "runs come into this catalog from their logs alone: subscribe beamline.records.LogWriter(folder) to the engine, and the "
    "catalog follows. For TiledWriter, serve a catalog of its own: vitrail records serve-config"
)

Scope = MutableMapping[str, Any]
Channel = Callable[..., Awaitable[Any]]


def with_keys(
    app: Any, *, api_key: str, reader_key: str, user_key: str | None = None
) -> Callable[[Scope, Channel, Channel], Awaitable[None]]:
    """An application around Tiled's, in which more keys than its own are known.

    They count in the header `Authorization: Apikey ...` alone, which is where Tiled's client puts them.

    Args:
        app: as Tiled's `build_app_from_config` makes it.
        api_key: its single-user key: for everything, runs that are not whole yet among it.
        reader_key: for reading runs that are whole.
        user_key: for reading, changing and deleting runs that are whole, and for making none (403, and what to do
            instead); None where there is none.

    Raises:
        ValueError: two of the keys are the same.
    """
    from starlette.requests import Request  # noqa: PLC0415  # the server side is heavy
    from tiled.access_control.scopes import NO_SCOPES, PUBLIC_SCOPES, SINGLE_USER_SCOPES  # noqa: PLC0415
    from tiled.queries import KeyPresent  # noqa: PLC0415
    from tiled.server.authentication import get_api_key, get_current_scopes  # noqa: PLC0415
    from tiled.server.dependencies import get_root_tree  # noqa: PLC0415

    keys = [api_key, reader_key, *([user_key] if user_key is not None else [])]
    if len(set(keys)) < len(keys):
        raise ValueError("the key of readers is the key of writers: give two")
    everything = app.state.root_tree
    whole = everything.search(KeyPresent("stop"))

    async def tree_of(request: Any) -> Any:  # FastAPI would run a plain function in a thread
        return whole if request.scope.get(_SEES_WHOLE) else everything

    async def scopes_of(request: Any) -> frozenset[str]:
        if request.scope.get(_READS):
            return PUBLIC_SCOPES  # type: ignore[no-any-return]  # Tiled ships no types
        given = await get_api_key(
            request.query_params.get("api_key"),
            _key_in_header(request.scope),
            request.cookies.get("tiled_api_key"),
        )
        is_ours = given is not None and secrets.compare_digest(given.encode(), api_key.encode())
        return SINGLE_USER_SCOPES if is_ours else NO_SCOPES  # type: ignore[no-any-return]

    for function in (scopes_of, tree_of):  # FastAPI looks for the class, which is not among this module's names
        function.__annotations__["request"] = Request
    app.dependency_overrides[get_current_scopes] = scopes_of
    app.dependency_overrides[get_root_tree] = tree_of

    async def gate(scope: Scope, receive: Channel, send: Channel) -> None:
        if scope["type"] == "http":
            key = _key_in_header(scope)
            reads, uses = _is(key, reader_key), _is(key, user_key)
            if uses and _makes_something(scope):
                await _refuse(send)
                return
            if reads or uses:
                scope = {**scope, "headers": _with_key(scope, api_key), _SEES_WHOLE: True, _READS: reads}
        await app(scope, receive, send)

    return gate


def _is(given: str | None, key: str | None) -> bool:
    return given is not None and key is not None and secrets.compare_digest(given.encode(), key.encode())


def _makes_something(scope: Scope) -> bool:
    """Whether a request would make an entry: a run, a stream or an array."""
    return scope["method"] == "POST" and any(route in scope["path"] for route in ("/metadata/", "/register/"))


async def _refuse(send: Channel) -> None:
    body = json.dumps({"detail": _NOT_HERE}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _key_in_header(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name.lower() == b"authorization":
            scheme, _, key = value.decode("latin-1").partition(" ")
            return key.strip() if scheme.lower() == "apikey" else None
    return None


def _with_key(scope: Scope, api_key: str) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in scope["headers"] if name.lower() != b"authorization"]
    return [*kept, (b"authorization", f"Apikey {api_key}".encode())]
