"""The server process of the page: uvicorn on one socket, ended by Ctrl-C or SIGTERM with whoever follows a night."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from beamline.web.app import host_names, make_app
from beamline.web.hub import Hub

__all__ = ["PortTakenError", "listen", "serve"]

GRACE_S = 3
NICENESS = 10
"""Who looks at a night waits for it, and never the other way round, where both run on one machine."""


class PortTakenError(RuntimeError):
    """Nothing can listen there; the message says what to do.

    To do: take another port with `--port`, or end what listens there.
    """


class _Server(uvicorn.Server):
    """Ends the streams before it waits for the connections to end, which they never would."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.close()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes one that is free.

    Raises:
        PortTakenError: it cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        why = error.strerror or str(error)
        raise PortTakenError(
            f"nothing can listen on {host} port {port}: {why}; give another --port or --host"
        ) from error
    return listening


def serve(folder: Path, token: str, listening: socket.socket, host: str, allow_hosts: tuple[str, ...]) -> None:
    """Serve until Ctrl-C or SIGTERM, as a process that leaves the processors to others.

    Args:
        folder: of the records.
        token: with which a night can be paused and stopped.
        listening: of `listen`.
        host: on which it listens.
        allow_hosts: further names by which it may be called.
    """
    with contextlib.suppress(AttributeError, OSError):  # where a system has no such thing, or does not let us
        os.nice(NICENESS)
    app: Starlette = make_app(folder, token, hosts=host_names(host, allow_hosts))
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # addresses of those who watch are nobody's business
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        limit_concurrency=200,
        h11_max_incomplete_event_size=16 * 1024,
        http="h11",
        ws="none",
        lifespan="on",
    )
    _Server(config, app.state.hub).run(sockets=[listening])
