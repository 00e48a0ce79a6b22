"""What goes on around the plan of a night: its state, its monitors and notifications, its safe end, and the record of the end.

`beamline.night` runs the plan on the session's engine itself; where somebody else's program calls the engine, as the queue
server does, these are the pieces to put around it.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from typing import Any, Literal

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator

from beamline.campaign.state import CampaignState, Resume
from beamline.campaign.state import Pause as Paused
from beamline.campaign.state_file import StateKeeper
from beamline.notify import Notifier
from beamline.safety import AskedMonitor, Pause, SafeStep, make_safe
from beamline.session import Session
from plans import Night, campaign_plan, first_run_plan
from plans.review import Desk

__all__ = ["Carried", "LogStream", "NightOutcome", "state_kept"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class NightOutcome:
    """How a night ended.

    Attributes:
        exit_status: "success" where a stop rule ended it, "abort" where a person or a signal did, "fail" where an error did.
        reason: which rule, signal or error.
        n_coupons: coupons that were begun.
        is_recorded: False where the log could not be written, which ended the night.
        simulated_s: what the bench's clock counted.
        safe_steps: the steps to the safe state, tried once more after the engine was done, and how each went.
    """

    campaign_uid: str
    exit_status: Literal["success", "abort", "fail"]
    reason: str
    n_coupons: int
    simulated_s: float
    safe_steps: tuple[SafeStep, ...]
    is_recorded: bool = True


class Carried:
    """A night that an engine carries out: `begin`, the `plan`, `let_go` when the engine has stopped, `end`.

    Args:
        session: the instrument.
        night: put together.
        subscribers: callbacks for the documents, after the log; one that fails is dropped, and the night goes on.
        watchers: are told of each state that the campaign goes through.
    """

    def __init__(
        self,
        session: Session,
        night: Night,
        subscribers: Sequence[Callable[[str, dict[str, Any]], None]] = (),
        watchers: Sequence[Callable[[CampaignState], Any]] = (),
    ) -> None:
        self._session, self._night = session, night
        self._subscribers = subscribers
        self._start_s = session.bench.clock.now_s
        label = night.label
        name, uid = label.campaign_name, label.campaign_uid
        self._notifier = Notifier(session.instrument.notify, name=name, uid=uid, instrument=session.instrument.name)
        begin_s = self._start_s if night.start_s is None else night.start_s
        self._keeper = StateKeeper(
            session.records.folder, name, uid, begin_s=begin_s, listeners=(self._notifier, *watchers)
        )
        self._desk = Desk(session.records.folder, self._keeper.take, lambda: self._keeper.state.kind, session.abort)
        self._asked = AskedMonitor(session.records.folder, uid, session.abort)
        self._shown = session.monitors.on_pause
        self._monitors = session.monitors.monitors
        self._tokens: list[int] = []
        self._safe_steps: tuple[SafeStep, ...] = ()

    def begin(self) -> None:
        """Keep the state of the campaign, look for what is asked of it, let the subscribers listen."""
        session, night = self._session, self._night
        night.listen(self._keeper.take)
        if night.review is None and night.campaign.review.ask:
            night.review = self._desk
        self._keeper.begin(night.left.interrupted if night.left is not None else None, self._start_s)
        session.monitors.on_pause = state_kept(self._keeper, session, self._shown, self._desk)
        session.monitors.monitors = (self._asked, *self._monitors)
        self._tokens = [session.RE.subscribe(_harmless(subscriber)) for subscriber in self._subscribers]
        self._asked.__enter__()

    def plan(self) -> MsgGenerator[None]:
        """The night, unless a signal has come before it: then nothing of it is begun. The monitors are not yet around it."""
        if self._session.signals is not None:
            yield from self._session.signals.hold()
        yield from campaign_plan(self._night)

    def pause(self, reason: str, ends_when: str) -> None:
        """The engine is paused: say so in the state."""
        if self._keeper.state.kind == "running" or self._desk.is_asking:
            self._keeper.take(Paused(at_s=self._session.bench.clock.now_s, reason=reason, ends_when=ends_when))

    def resume(self) -> None:
        """The engine goes on."""
        if self._keeper.state.kind == "paused":
            self._keeper.take(Resume(at_s=self._session.bench.clock.now_s))

    def let_go(self) -> None:
        """The engine has stopped: the bench is made safe, and the session is as it was before."""
        session = self._session
        self._safe_steps = make_safe(session.bench)  # first: a folder that does not answer is not to keep it waiting
        self._asked.__exit__(None, None, None)
        session.monitors.on_pause = self._shown
        session.monitors.monitors = self._monitors
        for token in self._tokens:
            session.RE.unsubscribe(token)

    def end(
        self, exit_status: Literal["success", "abort", "fail"], reason: str, *, is_recorded: bool = True
    ) -> NightOutcome:
        """Record how it ended, and tell whoever wants to be told; the engine is idle.

        Args:
            exit_status: as of `NightOutcome`.
            reason: the same.
            is_recorded: the same.
        """
        session, night = self._session, self._night
        if is_recorded:
            _record_end(session, night, exit_status, reason)
        now_s = session.bench.clock.now_s
        self._keeper.end(exit_status, reason, now_s)
        self._notifier.drain()
        return NightOutcome(
            night.label.campaign_uid,
            exit_status,
            reason,
            night.n_done,
            now_s - self._start_s,
            self._safe_steps,
            is_recorded,
        )


def state_kept(
    keeper: StateKeeper, session: Session, shown: Callable[[Pause], None] | None, desk: Desk | None = None
) -> Callable[[Pause], None]:
    """Pauses by monitors go into the state of the campaign, and to whoever was told of them before.

    What happens while a fault is made good is a part of that: the state stays. While a question is open a pause takes its place.
    """

    def on_pause(pause: Pause) -> None:
        now_s = session.bench.clock.now_s
        may_pause = keeper.state.kind == "running" or (desk is not None and desk.is_asking)
        if pause.waited_s is None and may_pause:
            keeper.take(Paused(at_s=now_s, reason=pause.reason, ends_when=pause.ends))
        elif pause.waited_s is not None and keeper.state.kind == "paused":
            keeper.take(Resume(at_s=now_s))
        if shown is not None:
            shown(pause)

    return on_pause


def _record_end(session: Session, night: Night, exit_status: str, reason: str) -> None:
    """The last run of a night, empty: an end between two runs would leave no trace in the records otherwise.

    A night that a signal ended before its first run gets that too, so that it is listed, and can be gone on with.
    """
    metadata = night.label.metadata("end", session.bench.clock.now_s)
    end: dict[str, Any] = {"exit_status": exit_status, "reason": reason, "n_coupons": night.n_done}
    if session.monitors.pauses:
        end["pauses"] = [asdict(pause) for pause in session.monitors.pauses]
    if session.faults is not None:
        end["faults_injected"] = [asdict(injected) for injected in session.faults.injected]
        end["n_faults_injected"] = session.faults.n_injected

    has_begun = bool(session.records.runs(campaign=night.label.campaign_uid, purpose="campaign"))

    def plan() -> MsgGenerator[None]:
        if not has_begun:
            yield from first_run_plan(night)
        yield from bps.open_run({**metadata, **end})
        yield from bps.close_run()

    try:
        with redirect_stdout(LogStream()):
            session.RE(plan())
    except Exception:  # whatever the engine raises: the bench is safe, and who called is to hear how the night ended
        _logger.exception("the end of the night could not be recorded")


class LogStream(io.TextIOBase):
    """Where the engine's prints go: into the log of the process, for a print to a terminal that is gone would raise."""

    def write(self, text: str) -> int:
        """Log a line that is not empty."""
        if text.strip():
            _logger.info(text.strip())
        return len(text)


def _harmless(callback: Callable[[str, dict[str, Any]], None]) -> Callable[[str, dict[str, Any]], None]:
    """A callback whose failure is logged and ends the callback, not the night: only the log itself may do that."""
    is_dropped = False

    def guarded(name: str, doc: dict[str, Any]) -> None:
        nonlocal is_dropped
        if is_dropped:
            return
        try:
            callback(name, doc)
        except Exception:  # a figure, a display: it is not ours, and may fail by anything
            is_dropped = True
            _logger.exception("%r failed on a %s document and gets no more of them; the night goes on", callback, name)

    return guarded
