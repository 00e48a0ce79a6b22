"""How a session shows what goes wrong at the bench: one line that says what to do. The traceback is there for `%tb`."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from beamline.shell.paint import paint
from devices.errors import DeviceError, why

__all__ = ["PAUSED", "show_in_words"]

PAUSED = """paused; what moved stands, the laser's output is closed, a furnace that is hot stays hot
  RE.resume()       go on
  RE.abort("why")   end the plan: its clean-up runs, its run is closed
  RE.stop()         the same, but the records say success
  RE.halt()         end it without clean-up; then make_safe(bench)"""


def show_in_words(shell: Any) -> None:
    """Let an IPython shell show refusals, faults and pauses without their tracebacks."""
    from bluesky.utils import RunEngineInterrupted  # noqa: PLC0415  # the engine has loaded it
    from ophyd.utils import LimitError, ReadOnlyError  # noqa: PLC0415  # the devices have loaded it

    def handler(
        _shell: Any, kind: type[BaseException], value: BaseException, trace: TracebackType | None, tb_offset: Any = None
    ) -> list[str]:
        _ = tb_offset
        sys.last_type, sys.last_value, sys.last_traceback = kind, value, trace  # where %tb looks
        if isinstance(value, RunEngineInterrupted):
            sys.stdout.write(paint(str(value).strip() or "interrupted", "yellow") + "\n")
        else:
            sys.stdout.write(paint(why(value), "red") + "\n" + paint("(%tb: where)", "dim") + "\n")
        return []

    shell.set_custom_exc((RunEngineInterrupted, LimitError, ReadOnlyError, DeviceError), handler)
