"""Sends messages beside a night: a queue and one daemon thread, tried again a few times, drained at the end within a bound."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence

from beamline.campaign.state import CampaignState
from beamline.notify.channels import Channel, Find, NotifyError, send
from beamline.notify.secrets import find_secret
from beamline.notify.settings import NotifySettings
from beamline.notify.words import Notice, notice_of

__all__ = ["DRAIN_S", "Notifier"]

_logger = logging.getLogger(__name__)

DRAIN_S = 30.0
"""How long the end of a night waits for messages that are on their way, s of the wall; the bench is safe by then."""
AGAIN_S = (2.0, 10.0)
"""Before the second and the third try."""
MOST_A_NIGHT = 100
"""Messages; a condition that comes and goes must not fill somebody's telephone."""


class Notifier:
    """Takes the states of a campaign; nothing that it is given makes it raise, or wait.

    Args:
        settings: where to; without any way nothing is sent, and no thread is started.
        name: of the campaign.
        uid: of the campaign.
        instrument: its name.
        find: secrets by name.
        again_s: waits before each further try; None: `AGAIN_S`.
    """

    def __init__(
        self,
        settings: NotifySettings,
        *,
        name: str,
        uid: str,
        instrument: str,
        find: Find = find_secret,
        again_s: Sequence[float] | None = None,
    ) -> None:
        self._settings = settings
        self._name, self._uid, self._instrument = name, uid, instrument
        self._find = find
        self._again_s = AGAIN_S if again_s is None else tuple(again_s)
        self._queue: queue.SimpleQueue[Notice | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_over = threading.Event()
        self._last: tuple[str, str] | None = None
        self._n_taken = 0

    def __call__(self, state: CampaignState) -> None:
        """A campaign came into a state."""
        notice = notice_of(state, name=self._name, uid=self._uid, instrument=self._instrument)
        if notice is None or notice.event not in self._settings.events or not self._settings.channels:
            return
        same = (notice.event, getattr(state, "reason", ""))
        if (same == self._last and notice.event == "operator") or self._n_taken >= MOST_A_NIGHT:
            return
        self._last = same
        self._n_taken += 1
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="vitrail-notify", daemon=True)
            self._thread.start()
        self._queue.put(notice)

    def drain(self, within_s: float = DRAIN_S) -> bool:
        """Wait until all is sent or given up, for so long at most; what is left then is left behind. True: nothing is."""
        if self._thread is None:
            return True
        self._queue.put(None)
        self._thread.join(within_s)
        is_done = not self._thread.is_alive()
        if not is_done:
            self._is_over.set()
            _logger.warning("messages were still on their way after %g s, and are left behind", within_s)
        return is_done

    def _work(self) -> None:
        while (notice := self._queue.get()) is not None:
            for channel in self._settings.channels:
                if self._is_over.is_set():
                    return
                begin_s = time.monotonic()
                try:
                    self._send(channel, notice)
                except Exception as error:  # noqa: BLE001  # whatever it is, its traceback may hold what was sent
                    _logger.error("a message was not sent: %s", type(error).__name__)  # noqa: TRY400  # for that reason
                _logger.info("%s: %.1f s", notice.event, time.monotonic() - begin_s)

    def _send(self, channel: Channel, notice: Notice) -> None:
        for wait_s in (*self._again_s, None):
            try:
                send(channel, notice, timeout_s=self._settings.timeout_s, find=self._find)
            except NotifyError as error:
                _logger.warning("a message was not sent: %s", error)
                if wait_s is None or self._is_over.wait(wait_s):
                    return
            else:
                return
