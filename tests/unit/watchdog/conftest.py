"""Instruments that are not there: a laser and a furnace of a few lines, that count what they are asked."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from devices.errors import CommunicationError


class FakeHand:
    """A hand at an instrument that is unsafe, and may be dead, or fall back."""

    done = "thing safe"
    is_shared = True

    def __init__(self) -> None:
        self.is_safe = False
        self.is_dead = False
        self.n_attempts = 0
        self.n_finished = 0
        self.n_closed = 0
        self.attempted = threading.Event()

    def look(self) -> bool:
        if self.is_dead:
            raise CommunicationError("no answer")
        return self.is_safe

    def make_safe(self) -> None:
        self.n_attempts += 1
        self.attempted.set()
        self.look()
        self.is_safe = True

    def finish(self) -> None:
        self.n_finished += 1

    def close(self) -> None:
        self.n_closed += 1


@pytest.fixture
def hand() -> FakeHand:
    return FakeHand()


@pytest.fixture
def make_hand() -> Callable[[], FakeHand]:
    return FakeHand
