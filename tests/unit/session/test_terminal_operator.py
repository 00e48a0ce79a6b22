"""Whoever is at the terminal is asked, and the answer is the changer's."""

from __future__ import annotations

import io
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, TextIO

import pytest

from beamline.operator import TerminalOperator
from devices import DeviceError, RealClock
from devices.drivers.manual_changer import ManualChanger


@pytest.fixture
def typed() -> Iterator[tuple[TextIO, TextIO]]:
    """What is read, and where a hand types."""
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8") as stdin, open(writing, "w", encoding="utf-8", buffering=1) as hand:  # noqa: PTH123  # pipes
        yield stdin, hand


def changer(operator: TerminalOperator) -> ManualChanger:
    made: list[Any] = []
    made.append(ManualChanger({"A": "rack"}, lambda request: operator(made[0], request), RealClock(), timeout_s=20.0))
    return made[0]  # type: ignore[no-any-return]  # it is its own callback's


def ended(one: ManualChanger) -> None:
    end_s, pause = time.monotonic() + 10.0, threading.Event()
    while one.is_busy:
        assert time.monotonic() < end_s
        pause.wait(0.01)


def test_an_empty_line_confirms(typed: tuple[TextIO, TextIO]) -> None:
    shown = io.StringIO()
    one = changer(TerminalOperator(typed[0], shown))
    one.start_transfer("A", "stage")
    typed[1].write("\n")
    ended(one)
    assert one.station_of("A") == "stage"
    assert "A" in shown.getvalue()
    assert "Enter: done" in shown.getvalue()


def test_any_other_line_declines_with_its_words(typed: tuple[TextIO, TextIO]) -> None:
    one = changer(TerminalOperator(typed[0], io.StringIO()))
    one.start_transfer("A", "stage")
    typed[1].write("it is cracked\n")
    with pytest.raises(DeviceError, match="it is cracked"):
        ended(one)
    assert one.station_of("A") == "rack"


def test_a_terminal_that_is_gone_leaves_the_request_open(typed: tuple[TextIO, TextIO]) -> None:
    one = changer(TerminalOperator(typed[0], io.StringIO()))
    typed[1].close()
    one.start_transfer("A", "stage")
    assert one.is_busy
    request = one.request
    assert request is not None
    one.confirm(request.number)
    ended(one)


def test_a_terminal_that_closes_while_it_is_read_leaves_the_request_open() -> None:
    class Closed(io.StringIO):
        def fileno(self) -> int:
            return its.fileno()

        def readline(self, *_: object) -> str:
            raise ValueError("I/O operation on closed file.")

    ours, its = socket.socketpair()
    with ours, its:
        ours.send(b"\n")
        one = changer(TerminalOperator(Closed(), io.StringIO()))
        one.start_transfer("A", "stage")
        waits = [thread for thread in threading.enumerate() if thread.name == "vitrail-operator"]
        for thread in waits:
            thread.join(10.0)  # an exception of it is a failure of this test
        assert one.is_busy
        request = one.request
        assert request is not None
        one.confirm(request.number)
        ended(one)
