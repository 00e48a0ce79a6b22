"""Asks the person at the terminal to carry a coupon, and takes the answer, while a plan runs."""

from __future__ import annotations

import selectors
import sys
import threading
from typing import TextIO

from devices import RefusedError
from devices.drivers.manual_changer import ManualChanger, Request

__all__ = ["TerminalOperator"]

LOOK_EVERY_S = 0.2


class TerminalOperator:
    """Prints a request; an empty line confirms it, any other declines it with that line as the reason.

    It reads only while something is asked, on a thread of its own that ends with the request: what is typed later is
    the prompt's again.

    Args:
        stdin: where answers are typed; must be something that can be waited for, such as a terminal or a pipe.
        stdout: where requests are shown.
    """

    def __init__(self, stdin: TextIO | None = None, stdout: TextIO | None = None) -> None:
        self._in = stdin if stdin is not None else sys.stdin
        self._out = stdout if stdout is not None else sys.stderr

    def __call__(self, changer: ManualChanger, request: Request | None) -> None:
        """Show a request and begin to wait for its answer; returns at once."""
        if request is None:
            return
        self._say(f"{request}. Enter: done. Anything else and Enter: not done, and why.")
        threading.Thread(target=self._wait, args=(changer, request), name="vitrail-operator", daemon=True).start()

    def _wait(self, changer: ManualChanger, request: Request) -> None:
        with selectors.PollSelector() as terminal:  # `select` bears no descriptor above 1023
            terminal.register(self._in, selectors.EVENT_READ)
            self._answer(terminal, changer, request)

    def _answer(self, terminal: selectors.BaseSelector, changer: ManualChanger, request: Request) -> None:
        while (now := changer.request) is not None and now.number == request.number:
            if not terminal.select(LOOK_EVERY_S):
                continue
            try:
                line = self._in.readline()
            except (OSError, ValueError):  # hung up, or closed by this process
                line = ""
            if not line:  # the terminal is gone: nobody will answer, and the request ends by its time-out
                return
            try:
                if line.strip():
                    changer.decline(request.number, line.strip())
                else:
                    changer.confirm(request.number)
            except RefusedError as error:
                self._say(str(error))
            return

    def _say(self, text: str) -> None:
        print(text, file=self._out, flush=True)
