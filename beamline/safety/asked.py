"""What somebody asks of the night that runs, carried out: it waits where nothing is exposed or heated, goes on, ends.

A pause takes effect before the next run is begun and before a site is fired at. A heat treatment that has begun goes to its
end, for what waits in a hot furnace is another experiment; so does a measurement, whose lamp would bleach what waits under it.
An end is that of Ctrl-C: in good order.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import bluesky.plan_stubs as bps
from bluesky.utils import Msg, MsgGenerator

from beamline.campaign.asked import Asked, asked_path, forget_asked, read_asked
from beamline.safety.aborting import EngineAbort
from beamline.safety.monitors import Finding

__all__ = ["AskedMonitor", "pause_here"]

HERE: Final = "may pause"
LOOK_EVERY_S: Final = 0.25
PATIENCE_S: Final = 12 * 3600.0
END_S: Final = 5.0
"""Longest time that the end of a night waits for the thread, s of the wall: a folder of the network may never answer."""

_logger = logging.getLogger(__name__)


def pause_here() -> MsgGenerator[None]:
    """A place in a plan that waits by the wall, where a pause that is asked for takes effect, and monitors look."""
    yield Msg("null", None, HERE)
    yield from bps.sleep(0.0)  # those of the furnace look before each wait


class AskedMonitor:
    """A monitor that finds what is asked. Within `with` it looks for it, on a thread of its own.

    A file that is written beside the engine may come while the plan waits for hours, and a look at the disk before each
    message of a plan is a look too many: so the thread looks, and the plan reads what it found.

    Args:
        folder: of the records.
        campaign_uid: of the campaign.
        abort: ends what the engine runs.
    """

    name = "request"
    again_s = 0.2

    def __init__(self, folder: Path, campaign_uid: str, abort: EngineAbort) -> None:
        self._folder, self._uid = folder, campaign_uid
        self._abort = abort
        self._asked: Asked | None = None
        self._has_ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._stamp: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        forget_asked(self._folder, self._uid)  # what was asked of an earlier process
        self._thread = threading.Thread(target=self._watch, name="asked", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._has_ended.set()
        if self._thread is not None:
            self._thread.join(END_S)
        forget_asked(self._folder, self._uid)

    # --------------------------------------------------------------------------------------------------- as a monitor
    def concerns(self, msg: Msg) -> bool:
        """Before a run, before a site is fired at, and where a plan says so."""
        if msg.command == "null":
            return HERE in msg.args
        return bool(msg.command == "open_run" or (msg.command == "create" and msg.kwargs.get("name") == "intents"))

    def look(self, msg: Msg | None) -> Finding | None:  # noqa: ARG002  # as a monitor's
        """The pause that stands."""
        asked = self._asked
        if asked is None or asked.what != "pause":
            return None
        ends = "it is asked to go on, on the web page or by `vitrail campaign resume`"
        return Finding(asked.words, ends, is_by_person=True, patience_s=PATIENCE_S)

    def keep_watch(self) -> None:
        """The thread does."""

    # ---------------------------------------------------------------------------------------------------- on the thread
    def _watch(self) -> None:
        while not self._has_ended.wait(LOOK_EVERY_S):
            try:
                self._look_at_file()
            except Exception:  # whatever it is: a thread that has ended would hear no stop any more
                _logger.exception("what is asked of the night could not be read; the night goes on")

    def _look_at_file(self) -> None:
        try:
            status = asked_path(self._folder, self._uid).stat()
        except OSError:
            return
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp == self._stamp:
            if self._asked is not None and self._asked.what == "stop":
                self._abort(self._asked.words)  # asked again: between two plans there is nothing to abort
            return
        self._stamp = stamp
        asked = read_asked(self._folder, self._uid)
        if asked is None:  # none of ours: what was asked before stands, for a pause is not ended by rubbish
            return
        self._asked = asked
        _logger.warning("%s %s", self._asked.what, self._asked.words)
        if self._asked.what == "stop":
            self._abort(self._asked.words)
