"""The session in the queue's worker: what goes on around every plan that is sent, and how the worker leaves the bench.

Each plan is held up or ended by the monitors, as a night is; at its end, however it came, the bench is made safe. A pause at
once may leave the furnace hot or the lamp on: that lasts `PAUSED_HOT_S` at most, then the plan is aborted.
"""

from __future__ import annotations

import logging
import multiprocessing.util
import os
import threading
import uuid
from collections.abc import Callable
from typing import Any

from bluesky.utils import MsgGenerator

from beamline.audit import note_action
from beamline.carrying import Carried
from beamline.records import LogWriteError
from beamline.remote.engine import End, QueueEngine
from beamline.safety import describe_signal, guarded, make_safe
from beamline.session import Session
from beamline.versions import versions
from devices import RefusedError
from devices.errors import why
from plans import Experiment, Night, NightLabel

__all__ = ["PAUSED_HOT_S", "QueueSession"]

PAUSED_HOT_S = 600.0
"""Longest pause with the furnace on or the lamp lit, s of the wall; nobody may be there."""
PARENT_EVERY_S = 0.5
LAST_PLAN_S = 60.0
"""Time that a plan has for its clean-up when the queue server is gone."""

_logger = logging.getLogger(__name__)


class QueueSession:
    """A session whose engine the queue server calls.

    Args:
        session: opened with a `QueueEngine`, unattended.
        paused_hot_s: longest pause with the furnace on or the lamp lit, s of the wall.
    """

    def __init__(self, session: Session, *, paused_hot_s: float = PAUSED_HOT_S) -> None:
        engine = session.RE
        if not isinstance(engine, QueueEngine):
            raise TypeError(f"a session of a queue has a QueueEngine, and not a {type(engine).__name__}")
        self.session = session
        self.engine = engine
        self.label = NightLabel("queue", str(uuid.uuid4()), versions())
        self._paused_hot_s = paused_hot_s
        self._night: tuple[Night, Carried] | None = None
        self._timer: threading.Timer | None = None
        self._used_by: dict[str, str] = {}
        engine.pause_msg = "paused"
        engine.is_at_rest = self._is_at_rest
        engine.on_end = self._on_end
        engine.state_hook = self._on_state
        engine.preprocessors.append(self._guarded)

    # ------------------------------------------------------------------------------------------------- for the plans
    def carry(self, night: Night) -> MsgGenerator[None]:
        """A night as a plan; its end is recorded when the engine is done with it."""
        for coupon in night.coupons:
            self._claim(coupon.serial, night.label)
        carried = Carried(self.session, night)
        self._night = night, carried
        carried.begin()
        yield from carried.plan()

    def experiment_on(self, serial: str) -> Experiment:
        """An experiment by hand on a coupon that lies in the rack.

        Raises:
            RefusedError: it does not, or it was another one's in this simulated rack.
        """
        coupon = next((coupon for coupon in self.session.coupons if coupon.serial == serial), None)
        if coupon is None:
            there = ", ".join(coupon.serial for coupon in self.session.coupons)
            raise RefusedError(f"{serial!r}: no coupon of the rack, in which there are: {there}")
        self._claim(serial, self.label)
        is_twin = self.session.instrument.kind == "twin"
        return Experiment(
            self.session.bench,
            self.session.records,
            self.label,
            coupon,
            times=self.session.instrument.times,
            is_own_past=is_twin,
        )

    def _claim(self, serial: str, label: NightLabel) -> None:
        """A simulated rack is filled when the environment is opened, and its past is that of one campaign.

        At a bench the ledger knows all that a coupon has been through, whoever did it.
        """
        if self.session.instrument.kind != "twin":
            return
        owner = self._used_by.setdefault(serial, label.campaign_uid)
        if owner != label.campaign_uid:
            raise RefusedError(
                f"{serial}: an earlier plan has used this coupon of the simulated rack; close the environment and open it "
                "again, which fills the rack anew, or send a campaign with other coupons"
            )

    # --------------------------------------------------------------------------------------------- around every plan
    def _guarded(self, plan: Any) -> Any:
        return plan if self.engine.is_ending else guarded(plan, self.session.monitors)

    def _is_at_rest(self) -> bool:
        bench = self.session.bench
        try:
            return (
                bench.laser.driver.is_output_open is False
                and bench.furnace.driver.is_on is False
                and bench.spectrometer.driver.is_lamp_on is False
            )
        except Exception:  # what cannot be read may be open, hot or lit
            _logger.exception("whether the bench is at rest cannot be read")
            return False

    def _on_state(self, state: str, before: str) -> None:
        """On the engine's loop."""
        if state == "paused":
            if self._night is not None:
                self._night[1].pause("paused through the queue", "it is resumed there, or ended")
            if not self._is_at_rest():
                reason = f"paused for {self._paused_hot_s / 60:g} min with the furnace on or the lamp lit, which is the longest"
                self._timer = threading.Timer(self._paused_hot_s, self.session.abort, [reason])
                self._timer.daemon = True
                self._timer.start()
        elif before == "paused":
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._night is not None and state == "running":
                self._night[1].resume()

    def _on_end(self, end: End) -> None:
        """Safe first, then the end of a night in the records, and a line in the audit trail."""
        night, self._night = self._night, None
        if night is None:
            self._say(make_safe(self.session.bench))
        else:
            plan, carried = night
            carried.let_go()
            outcome = carried.end(
                end.exit_status,
                self._reason(end, plan.verdict),
                is_recorded=not isinstance(end.error, LogWriteError),
            )
            self._say(outcome.safe_steps)
        signals = self.session.signals
        if signals is not None:
            signals.received = None  # it ended one plan, and the next is another
        note_action(self.session.records.folder, "queue", "plan ended", how=end.exit_status, why=self._reason(end, ""))

    def _reason(self, end: End, verdict: str) -> str:
        if end.reason:
            return end.reason
        if end.exit_status == "success":
            return verdict
        if end.exit_status == "fail" and end.error is not None:
            return why(end.error) if isinstance(end.error, Exception) else type(end.error).__name__
        received = self.session.signals.received if self.session.signals else None
        return describe_signal(received) if received else self.session.abort.reason or "aborted"

    def _say(self, steps: Any) -> None:
        _logger.warning("bench: %s", "; ".join(map(str, steps)))

    # ------------------------------------------------------------------------------------------------------- the end
    def leave_safely(self, *, parent: Callable[[], int] = os.getppid) -> None:
        """From here on the end of this process, and that of the server, leave the bench safe.

        A process of `multiprocessing` runs no handlers of atexit, but its own finalizers.
        """
        multiprocessing.util.Finalize(None, self.session.close, exitpriority=100)
        server = parent()

        def watch() -> None:
            pause = threading.Event()
            while parent() == server:
                pause.wait(PARENT_EVERY_S)
            _logger.warning("the queue server is gone: the plan is aborted, and the session closed")
            n_looks = round(LAST_PLAN_S / PARENT_EVERY_S)
            while self.engine.is_busy and n_looks:
                self.session.abort("the queue server is gone")
                pause.wait(PARENT_EVERY_S)
                n_looks -= 1
            self.session.close()
            os._exit(1)  # the main thread waits for ever for what a server that is gone would send

        threading.Thread(target=watch, name="queue-server", daemon=True).start()
