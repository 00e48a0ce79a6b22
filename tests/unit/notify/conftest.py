"""Servers on loopback that take messages, or hang, or refuse."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest


@dataclass
class Taken:
    """What a server took: one entry a message, and where it is."""

    port: int = 0
    status: int = 200
    said: list[dict[str, Any]] = field(default_factory=list)
    hangs: threading.Event | None = None


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class Web(socketserver.StreamRequestHandler):
    """Enough of HTTP to take a POST."""

    taken: Taken

    def handle(self) -> None:
        if self.taken.hangs is not None:
            self.taken.hangs.wait(5)
            return
        method, path, _ = self.rfile.readline().decode().split()
        headers = {}
        while line := self.rfile.readline().decode().strip():
            key, value = line.split(": ", 1)
            headers[key.lower()] = value
        body = self.rfile.read(int(headers["content-length"]))
        self.taken.said.append({"method": method, "path": path, "headers": headers, "body": json.loads(body)})
        extra = "Location: http://127.0.0.1:1/\r\n" if self.taken.status == 302 else ""
        self.wfile.write(f"HTTP/1.1 {self.taken.status} so\r\n{extra}Content-Length: 0\r\n\r\n".encode())


class Mail(socketserver.StreamRequestHandler):
    """Enough of SMTP to take a message, with a password or without."""

    taken: Taken

    def handle(self) -> None:
        said: dict[str, Any] = {"to": []}
        self.say("220 here")
        while line := self.rfile.readline().decode().strip():
            word = line.split()[0].upper()
            if word == "EHLO":
                self.say("250-here\r\n250 AUTH PLAIN")
            elif word == "AUTH":
                said["auth"] = line
                self.say("235 welcome" if self.taken.status == 200 else f"535 no: {line}")
            elif word == "RCPT":
                said["to"].append(line)
                self.say("250 ok")
            elif word == "DATA":
                self.say("354 go on")
                body = []
                while (part := self.rfile.readline().decode()) != ".\r\n":
                    body.append(part)
                said["body"] = "".join(body)
                self.taken.said.append(said)
                self.say("250 taken")
            elif word == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


def served(handler: type[socketserver.StreamRequestHandler]) -> Iterator[Taken]:
    taken = Taken()
    with Server(("127.0.0.1", 0), type("Handler", (handler,), {"taken": taken})) as server:
        taken.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield taken
        if taken.hangs is not None:
            taken.hangs.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def web() -> Iterator[Taken]:
    yield from served(Web)


@pytest.fixture
def mail() -> Iterator[Taken]:
    yield from served(Mail)
