"""`vitrail twin serve` as another program meets it: a process, ports, replies, an end."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from commands import VITRAIL

from beamline.cli import main

PORTS = ("--laser-port", "--furnace-port", "--stage-port", "--spectrometer-port", "--carousel-port")
FREE = tuple(word for port in PORTS for word in (port, "0"))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_on_loopback_until_it_is_ended(tmp_path: Path, end: signal.Signals) -> None:
    with subprocess.Popen(
        [VITRAIL, "twin", "serve", *FREE, "--speed", "60", "--lifetime-folder", "."],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as served:
        assert served.stdout is not None
        said = [served.stdout.readline().strip() for _ in range(9)]
        try:
            assert said[-1] == "Time runs at 60 times real time. Ctrl-C ends it."
            ports = {line.split(":")[0].split(",")[0]: line for line in said if "127.0.0.1" in line}
            assert set(ports) == {"laser", "furnace", "stage", "spectrometer", "carousel"}
            assert any(line.startswith("lifetime, folder") for line in said)
            assert sum("/dev/" in line for line in said) == 2
            connection = http.client.HTTPConnection(
                "127.0.0.1", int(re.findall(r":(\d+)/", ports["laser"])[0]), timeout=10
            )
            connection.request("GET", "/v1/Basic/ActualStateName")
            assert connection.getresponse().read() == b'"StateOperational"'
            connection.close()
            port = int(re.findall(r":(\d+)$", ports["stage"])[0])
            with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
                line.sendall(b"/1 get pos\n")
                assert line.recv(100) == b"@01 0 OK IDLE -- 100000 100000 50000\r\n"
        finally:
            served.send_signal(end)
            rest, _ = served.communicate(timeout=30)
    assert rest == "Ended; the laser's output is closed.\n"
    assert served.returncode == 0


@pytest.mark.parametrize("option", PORTS)
def test_a_port_that_is_taken_is_named(option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(main, ["twin", "serve", *FREE, option, port])
    assert done.exit_code == 1
    assert "choose other ports" in done.stderr
    assert "Traceback" not in done.stderr
