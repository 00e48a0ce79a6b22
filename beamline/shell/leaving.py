"""How a session ends, whichever way it is left: the bench is made safe, and a plan that was paused gets its end."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from types import FrameType

from beamline.safety import make_safe
from beamline.session import Session

__all__ = ["leave_safely"]


def leave_safely(session: Session) -> None:
    """From here on the end of the process, SIGHUP and SIGTERM leave the bench safe."""

    def leave() -> None:
        """Safe first, then an end for the run of a plan that was left paused, and safe again after its clean-up."""
        make_safe(session.bench)
        try:
            if session.RE.state == "paused":
                sys.stdout.write("a plan was paused: it is aborted, and its run closed\n")
                session.RE.abort("the session was left")
        finally:
            steps = session.close()
            failed = [step for step in steps if step.error is not None]
            for step in failed:
                sys.stdout.write(f"{step}\n")
            if not failed:
                sys.stdout.write("bench: " + ", ".join(step.name for step in steps) + "\n")

    def die(number: int, _frame: FrameType | None) -> None:
        """A closed terminal or a kill ends the process as ever, but not before the bench is safe."""
        session.close()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    atexit.register(leave)
    for number in (signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, die)
