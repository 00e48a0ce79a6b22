"""Processes that write or read records next to a test: synthetic runs as in the unit tests, readers that start at once."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SYNTHETIC = Path(__file__).parent / "unit" / "records" / "synthetic.py"

LOAD = f"""
import importlib.util, json, os, sys
spec = importlib.util.spec_from_file_location("records_synthetic", {str(SYNTHETIC)!r})
synthetic = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = synthetic
spec.loader.exec_module(synthetic)
"""


def load_synthetic() -> Any:
    names: dict[str, Any] = {}
    exec(LOAD, names)  # noqa: S102  # the same lines as in the processes below
    return names["synthetic"]


synthetic = load_synthetic()


def run_python(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", LOAD + code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


FORKS = """
import signal, socket
import bluesky_tiled_plugins.clients, databroker.client, tiled.queries, xarray
link = socket.socket(fileno=int(sys.argv[1]))
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    message, files, _flags, _address = socket.recv_fds(link, 1 << 16, 3)
    if not message:
        sys.exit()
    pid = os.fork()
    if not pid:
        break
    link.send(str(pid).encode())
    for file in files:
        os.close(file)
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
link.close()
for number, file in enumerate(files):
    os.dup2(file, number)
    os.close(file)
code, *sys.argv[1:] = json.loads(message)
exec(code)
os.write(2, b"came to its end")
"""


class Fork:
    """A process that has imported what readers import, which takes seconds: forked from one that does nothing else."""

    def __init__(self, link: socket.socket, code: str, *arguments: object) -> None:
        (its_input, ours), (output, its_output), (errors, its_errors) = os.pipe(), os.pipe(), os.pipe()
        its = [its_input, its_output, its_errors]
        socket.send_fds(link, [json.dumps([code, *map(str, arguments)]).encode()], its)
        for file in its:
            os.close(file)
        self.stdin, self.stdout, self.stderr = os.fdopen(ours, "w"), os.fdopen(output), os.fdopen(errors)
        self.pid = int(link.recv(100))

    def result(self) -> Any:
        """Its last line, when it has ended."""
        self.stdin.close()
        with self.stdout, self.stderr:
            said, complained = self.stdout.read(), self.stderr.read()
        assert "came to its end" in complained, complained
        return json.loads(said.splitlines()[-1])


@contextmanager
def forks() -> Iterator[Callable[..., Fork]]:
    """What makes forks, each given its code and its arguments."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-c", LOAD + FORKS, str(its.fileno())]
    with ours, subprocess.Popen(command, pass_fds=[its.fileno()]) as process:
        its.close()
        yield lambda code, *arguments: Fork(ours, code, *arguments)
        ours.close()
        assert process.wait(60) == 0
