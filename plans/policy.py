"""Faults of devices inside a night: what is tried again, what is left out, when the night ends. The campaign file says it.

Every fault that is met is in the records: an event of the stream `faults` of the run that is open, or a run of
`purpose="fault"` where none is. Errors that are no device's are nobody's to forgive: they end the night as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import bluesky.plan_stubs as bps
from bluesky.utils import IllegalMessageSequence, Msg, MsgGenerator

from beamline.campaign.policy import FaultPolicy, Step, Then
from beamline.campaign.state import CampaignEvent, Recover, Resume, Wait
from beamline.safety import MonitorError
from devices import Bench
from devices.errors import DeviceError, why
from devices.notes import FaultNote
from plans.documents import NightLabel, event_of

__all__ = [
    "BudgetError",
    "FaultKeeper",
    "LeftOutError",
    "NotSafeError",
    "despite_late_failures",
    "device_fault",
    "kind_of",
]

T = TypeVar("T")
MOST_LATE_FAILURES = 20
"""Failures that may still arrive, of statuses that nobody waits for any more, while the plan waits to try again."""
ASK_EVERY_S = 60.0

_logger = logging.getLogger(__name__)


class LeftOutError(Exception):
    """A site or a coupon is left out; `then` says which, and the cause is the fault.

    Attributes:
        then: "skip_site", "skip_coupon" or "measure".
    """

    def __init__(self, then: Then, text: str) -> None:
        super().__init__(text)
        self.then = then


class BudgetError(Exception):
    """More faults than the campaign allows.

    To do: read the faults in the report; mend what failed before `vitrail campaign resume`, or allow more under
    `[policy]`.
    """


class NotSafeError(Exception):
    """After a fault the light could not be shut: nothing is tried again, the night ends in its safe state.

    To do: go there: shut the laser off by its own key, then look why it did not obey.
    """


def device_fault(error: BaseException) -> DeviceError | None:
    """The device's own error in what the engine raised, or None where it is none of a device."""
    if isinstance(error, BudgetError | NotSafeError | MonitorError):  # a monitor has waited already, or must not
        return None
    if isinstance(error, DeviceError):
        return error
    return error.__cause__ if isinstance(error.__cause__, DeviceError) else None


def kind_of(fault: DeviceError) -> str:
    """Its kind as a campaign file spells it: "communication", "stuck", ..."""
    return type(fault).__name__.removesuffix("Error").lower()


@dataclass
class FaultKeeper:
    """Applies a policy and keeps the count.

    Attributes:
        policy: of the campaign; None passes every error on as it is.
        n_faults: met so far, those of earlier parts of the night included.
        tell: gets the states that the night goes through on account of faults.
    """

    bench: Bench
    policy: FaultPolicy | None = None
    label: NightLabel | None = None
    n_faults: int = 0
    tell: Callable[[CampaignEvent], None] = lambda _event: None
    note: FaultNote = field(default_factory=FaultNote)

    def attempt(  # noqa: C901  # the whole policy, in one place
        self, step: Step, make: Callable[[], MsgGenerator[T]], *, in_run: bool, may_repeat: bool = True
    ) -> MsgGenerator[T]:
        """Run a plan, again after a fault as far as that is allowed.

        Args:
            step: what it is part of.
            make: makes the plan, anew for each try.
            in_run: whether a run is open.
            may_repeat: False for whatever fires.

        Raises:
            LeftOutError: the policy leaves the site or the coupon out, or goes on with the coupon as it is.
            BudgetError: too many faults.
            Exception: what the plan raised, where the policy ends the night, and every error that is no device's.
        """
        if self.policy is None:
            return (yield from make())
        n_tries = 0
        while True:
            try:
                result = yield from make()
            except Exception as error:
                fault = device_fault(error)
                if fault is None:
                    raise
                n_tries += 1
                then, is_rule = self.policy.then(kind_of(fault), step)
                is_again = may_repeat and not is_rule and n_tries <= self.policy.retries
                yield from self._record(step, error, fault, "retry" if is_again else then, in_run=in_run)
                if not is_again:
                    if then == "ask":
                        return (yield from self._ask(step, make, error, in_run=in_run))
                    if then == "stop":
                        raise
                    if may_repeat and n_tries > 1:
                        self.tell(Resume(at_s=self._now_s))  # it goes on without
                    raise LeftOutError(then, why(error)) from error
                yield from self._wait(why(error))
            else:
                if n_tries:
                    self.tell(Resume(at_s=self._now_s))
                return result

    @property
    def _now_s(self) -> float:
        return float(self.bench.clock.now_s)

    def _wait(self, reason: str) -> MsgGenerator[None]:
        assert self.policy is not None
        wait_s = self.policy.retry_wait_s
        self.tell(Recover(at_s=self._now_s, reason=reason, ends_when=f"it is tried again after {wait_s:g} s"))
        yield from self.settle(wait_s)

    def settle(self, wait_s: float) -> MsgGenerator[None]:
        """Wait; failures of statuses that nobody waits for any more come now, and are of the fault that was met."""
        for _ in range(MOST_LATE_FAILURES):
            try:
                yield from bps.sleep(wait_s)
            except Exception as error:
                if device_fault(error) is None:
                    raise
                _logger.info("after a fault: %s", why(error))
            else:
                return

    def _ask(
        self, step: Step, make: Callable[[], MsgGenerator[T]], error: Exception, *, in_run: bool
    ) -> MsgGenerator[T]:
        """Wait for somebody to help, and look every minute whether it works again."""
        assert self.policy is not None
        within_h = self.policy.operator_within_h
        until_s = self._now_s + within_h * 3600.0
        ends_when = f"it works again, which is tried every {ASK_EVERY_S:g} s; after {within_h:g} h the night ends"
        self.tell(Wait(at_s=self._now_s, reason=why(error), ends_when=ends_when))
        while self._now_s < until_s:
            yield from self.settle(ASK_EVERY_S)
            try:
                result = yield from make()
            except Exception as again:
                if device_fault(again) is None:
                    raise
                error = again
            else:
                self.tell(Resume(at_s=self._now_s))
                return result
        fault = device_fault(error)
        assert fault is not None
        yield from self._record(step, error, fault, "stop", in_run=in_run)
        raise error

    def _record(
        self, step: Step, error: Exception, fault: DeviceError, then: str, *, in_run: bool
    ) -> MsgGenerator[None]:
        assert self.policy is not None
        self.n_faults += 1
        is_over = self.n_faults > self.policy.budget
        words = {"fault": kind_of(fault), "step": step, "then": "stop" if is_over else then, "words": why(error)}
        _logger.warning("fault %d (%s): %s; %s", self.n_faults, step, why(error), words["then"])
        self.note.say(**words)
        if in_run:
            yield from despite_late_failures(
                lambda: event_of("faults", self.bench.clock_s, self.bench.site_name, self.note)
            )
        elif self.label is not None:
            metadata: dict[str, Any] = {**self.label.metadata("fault", self._now_s), **words}
            yield from despite_late_failures(lambda: bps.open_run(metadata))
            yield from despite_late_failures(bps.close_run)
        if is_over:
            raise BudgetError(
                f"{self.n_faults} faults, and the campaign allows {self.policy.budget}; the last: {why(error)}; look at "
                "the instrument, or raise policy.budget"
            ) from None


def despite_late_failures(make: Callable[[], MsgGenerator[T]]) -> MsgGenerator[T]:
    """What is done about a fault must not fall to the second failure of the same status: the engine throws it once more."""
    for _ in range(MOST_LATE_FAILURES):
        yield from _flush()
        try:
            return (yield from make())
        except IllegalMessageSequence:
            raise
        except Exception as error:
            if device_fault(error) is None:
                raise
    return (yield from make())


def _flush() -> MsgGenerator[None]:
    """Take the failures that wait to be thrown."""
    for _ in range(MOST_LATE_FAILURES):
        try:
            yield Msg("null")
        except Exception as error:
            if device_fault(error) is None:
                raise
        else:
            return
