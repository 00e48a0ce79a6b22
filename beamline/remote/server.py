"""Starts the queue server with its Redis, all on loopback, and ends both so that the bench is safe.

The server is bluesky-queueserver's RE manager as it comes. What it needs lies in `queue/` of the record folder, which nobody
else may enter: the key, the password of Redis, what is in the queue, and `client.env` for those who are to send something.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beamline.records import is_held, session_lock
from beamline.remote.permissions import permissions

__all__ = ["CONTROL_PORT", "QueueServer", "QueueServerError", "queue_folder", "serve"]

CONTROL_PORT = 60615
"""bluesky-queueserver's own default."""
UP_S = 30.0
DOWN_S = 90.0
"""Time for a plan's clean-up, the safe state and the end of all processes."""
CLOSE_S = 30.0
"""Of that, the time in which the worker's session may close after its environment."""
LOOK_S = 0.1
_PR_SET_PDEATHSIG = 1

_logger = logging.getLogger(__name__)


class QueueServerError(RuntimeError):
    """The queue server, or its Redis, cannot be started; the message says what to do.

    To do: do what the message says: mostly start Redis, or install the extra `queue`.
    """


def queue_folder(data: Path) -> Path:
    """Where the queue of a record folder keeps what is its own."""
    return data / "queue"


@dataclass(frozen=True)
class QueueServer:
    """A queue server that runs.

    Attributes:
        address: of its control socket, for clients.
        public_key: the server's, which a client must know to be heard.
        client_file: both, as environment variables.
        process: the server's.
    """

    address: str
    public_key: str
    client_file: Path
    process: subprocess.Popen[bytes]

    def api(self) -> Any:
        """A client of it, to be closed."""
        from bluesky_queueserver_api.zmq import REManagerAPI  # noqa: PLC0415  # of an extra

        return REManagerAPI(zmq_control_addr=self.address, zmq_public_key=self.public_key)


@contextmanager
def serve(
    data: Path, *, environment: Mapping[str, str], control_port: int = CONTROL_PORT, redis: str | None = None
) -> Iterator[QueueServer]:
    """Run the queue server until the block is left; then a plan that runs is aborted, and the worker closes its session.

    Args:
        data: folder of the records; it exists.
        environment: of the worker, which says what session it opens.
        control_port: on loopback; 0 takes one that is free.
        redis: `HOST:PORT` of one that runs, with `:PASSWORD@` before it where it wants one; None: one is started here.

    Raises:
        QueueServerError: a program is missing, a port is taken, or nothing answers.
    """
    from bluesky_queueserver import generate_zmq_keys, generate_zmq_public_key  # noqa: PLC0415  # of an extra

    folder = queue_folder(data)
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    port = control_port or _free_port()
    if not _is_free(port):
        raise QueueServerError(
            f"port {port} of this machine is taken, perhaps by another queue server; end that, or give another --port"
        )
    key_file = folder / "server.key"
    private_key = key_file.read_text("ascii").strip() if key_file.exists() else generate_zmq_keys()[1]
    _write_private(key_file, private_key + "\n")
    address, public_key = f"tcp://127.0.0.1:{port}", generate_zmq_public_key(private_key)
    client_file = folder / "client.env"
    _write_private(client_file, f"QSERVER_ZMQ_CONTROL_ADDRESS={address}\nQSERVER_ZMQ_PUBLIC_KEY='{public_key}'\n")
    with _redis(folder) if redis is None else _given(redis) as redis_address:
        config = _write_config(folder, address, private_key, redis_address)
        process = subprocess.Popen(  # noqa: S603  # this interpreter, and a file of ours
            [sys.executable, "-m", "beamline.remote.manager", "--config", str(config)],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,  # by its end the server knows that this process is gone
            stdout=2,  # what it says is for a person; standard output is the command's own
            start_new_session=True,  # a Ctrl-C of the terminal is ours alone: the server would kill its worker
        )
        server = QueueServer(address, public_key, client_file, process)
        client = server.api()
        try:
            _wait(lambda: _asked(client, client.ping) is not None, UP_S, process, "the queue server")
            yield server
        finally:
            try:
                _end(client, process, session_lock(data))
            finally:
                client.close()
                assert process.stdin is not None  # asked for above
                process.stdin.close()
                process.wait()


# ------------------------------------------------------------------------------------------------------------- its files
def _write_config(folder: Path, address: str, private_key: str, redis_address: str) -> Path:
    """As JSON, which is YAML too."""
    groups = folder / "user_group_permissions.yaml"
    _write_private(groups, json.dumps(permissions(), indent=1))
    config = folder / "manager.yaml"
    said = {
        "network": {
            "zmq_control_addr": address,
            "zmq_private_key": private_key,
            "zmq_info_addr": "tcp://127.0.0.1:60625",  # not used: what it would publish is for everybody who listens
            "zmq_publish_console": False,
            "redis_addr": redis_address,
            "redis_name_prefix": "vitrail",
        },
        "startup": {
            "startup_module": "beamline.remote.startup",
            "existing_plans_and_devices_path": str(folder / "existing_plans_and_devices.yaml"),
            "user_group_permissions_path": str(groups),
        },
        "operation": {"console_logging_level": "QUIET", "print_console_output": True},
    }
    _write_private(config, json.dumps(said, indent=1))
    return config


def _write_private(path: Path, text: str) -> None:
    """For the owner's eyes alone, from the first byte on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)


# ---------------------------------------------------------------------------------------------------------------- Redis
@contextmanager
def _given(address: str) -> Iterator[str]:
    host, _, port = address.rpartition("@")[2].partition("/")[0].partition(":")
    try:
        with socket.create_connection((host, int(port or 6379)), timeout=5.0):
            pass
    except (OSError, ValueError) as error:
        raise QueueServerError(f"--redis: no Redis answers at {host}:{port or 6379} ({error}); start it") from error
    yield address


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    """A Redis of our own, with a password that only this folder knows; it keeps the queue on disk."""
    program = shutil.which("redis-server")
    if program is None:
        raise QueueServerError(
            "redis-server is not installed; install it (Debian: apt-get install redis-server), or give --redis HOST:PORT"
        )
    port, password = _free_port(), secrets.token_hex(32)
    kept = folder / "redis"
    kept.mkdir(mode=0o700, exist_ok=True)
    process = subprocess.Popen(  # noqa: S603  # a program that was found, with settings by its standard input
        [program, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_end_with_parent,  # noqa: PLW1509  # one call of the C library, no lock of Python
    )
    assert process.stdin is not None  # asked for above
    settings = (
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {_quoted(kept)}\n"
        f'save ""\nappendonly yes\nlogfile {_quoted(kept / "redis.log")}\n'
    )
    process.stdin.write(settings.encode())
    process.stdin.close()
    try:
        _wait(lambda: not _is_free(port), UP_S, process, "redis-server")
        yield f":{password}@127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


def _end_with_parent() -> None:
    """In the child, before it becomes Redis: it is terminated when the thread that started it is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _quoted(path: Path) -> str:
    text = str(path.resolve()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


# ------------------------------------------------------------------------------------------------------ its beginning, end
def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _wait(is_so: Callable[[], bool], timeout_s: float, process: subprocess.Popen[bytes], name: str) -> None:
    pause, end_s = threading.Event(), time.monotonic() + timeout_s
    while not is_so():
        if process.poll() is not None:
            raise QueueServerError(
                f"{name} ended at once with exit code {process.returncode}; what it printed says why"
            )
        if time.monotonic() > end_s:
            raise QueueServerError(f"{name} does not answer after {timeout_s:g} s")
        pause.wait(LOOK_S)


def _asked(client: Any, ask: Callable[[], Any]) -> Any:
    """What a client gets, or None where the server refuses or does not answer."""
    try:
        return ask()
    except (client.RequestFailedError, client.RequestTimeoutError):
        return None


def _end(client: Any, process: subprocess.Popen[bytes], lock: Path) -> None:
    """Abort what runs, close the worker's session, end the server; at last by force, and then the watchdog is there."""
    pause, end_s = threading.Event(), time.monotonic() + DOWN_S
    is_told = False
    while not is_told and process.poll() is None and time.monotonic() < end_s:
        is_told = _step_to_end(client, lock if time.monotonic() < end_s - DOWN_S + CLOSE_S else None)
        pause.wait(LOOK_S)
    try:
        process.wait(max(end_s - time.monotonic(), 1.0))
    except subprocess.TimeoutExpired:
        _logger.exception("the queue server does not end: it is killed; look at the bench")
        os.killpg(process.pid, signal.SIGKILL)


def _step_to_end(client: Any, lock: Path | None) -> bool:
    """The next of the steps; True where the server was told to end. `lock`: that of the session, where it is waited for."""
    status = _asked(client, lambda: client.status(reload=True))
    if status is None:
        return False
    state, engine = status["manager_state"], status["re_state"]
    if state == "paused" or engine == "paused":
        _asked(client, client.re_abort)
    elif state in {"executing_queue", "starting_queue"} or engine == "running":
        _asked(client, lambda: client.re_pause(option="immediate"))
    elif state == "idle" and status["worker_environment_exists"]:
        _asked(client, client.environment_close)
    elif state == "idle" and (
        lock is None or not is_held(lock)
    ):  # the server kills a worker that has not quite closed its session
        return _asked(client, lambda: client.send_request(method="manager_stop")) is not None
    return False
