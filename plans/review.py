"""The review of suggestions inside a night: each is put to a person before it is made, and rejected ones are followed by others.

A `Reviewer` is a plan, so that while somebody thinks, an abort takes effect at once, the bench's monitors go on, and no
thread is left behind.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from bluesky.utils import Msg, MsgGenerator

from beamline.audit import note_action
from beamline.campaign.question import NIGHT, Answer, Question, posed, question_of, read_answer, settle
from beamline.campaign.state import CampaignEvent, Resume, Wait
from beamline.optimize import OptimizerStatus
from beamline.optimize.decide import Approve, Decided, Decision, done_with
from beamline.recipe import Observation, Suggestion
from beamline.safety import pause_here
from devices import Clock, RealClock
from plans.threads import in_thread

if TYPE_CHECKING:
    from plans.campaign import Night

__all__ = ["NOBODY", "Desk", "Reviewer", "Standing", "by_callable", "reviewed"]

LOOK_EVERY_S: Final = 0.25
NOBODY: Final = "nobody"
"""Who decided, where nobody had by the deadline."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """What is known when somebody is asked.

    Attributes:
        status: of the optimiser.
        learnt: observations since the last decision that is recorded.
        before: what was decided about this coupon already.
    """

    status: OptimizerStatus
    learnt: tuple[Observation, ...]
    before: tuple[Decided, ...] = ()


class Reviewer(Protocol):
    """A plan that asks somebody about a suggestion."""

    def __call__(self, night: Night, suggestion: Suggestion, standing: Standing) -> MsgGenerator[Decision]:
        """Ask, and give what was decided."""


def by_callable(review: Callable[[Suggestion], Decision]) -> Reviewer:
    """A reviewer that asks by a call, in a thread; for scripts, whose call ends by itself."""

    def asks(night: Night, suggestion: Suggestion, standing: Standing) -> MsgGenerator[Decision]:  # noqa: ARG001  # a reviewer's
        return (yield from in_thread(lambda: review(suggestion)))

    return asks


def reviewed(
    night: Night, standing: Standing, why_not: Callable[[Suggestion], str]
) -> MsgGenerator[tuple[Suggestion, tuple[Decided, ...], str]]:
    """Let the optimiser suggest, a person decide, and the optimiser suggest again as long as it is rejected.

    Args:
        night: whose next coupon it is.
        standing: what is known at it.
        why_not: why a suggestion is not worth its hours; empty where it is.

    Returns:
        What is to be done; all that was decided on the way there; why it is not done, where it is not.

    Raises:
        ValueError: what was decided cannot be done; the optimiser has not been told of it.
    """
    told: tuple[Decided, ...] = ()
    while True:
        suggestion = yield from in_thread(lambda: night.optimizer.suggest(night.coupons))
        refused = why_not(suggestion)
        if night.review is None or refused:
            return suggestion, told, refused
        decision = yield from night.review(night, suggestion, replace(standing, before=told))
        decided = Decided(suggestion=suggestion, decision=decision)
        done = done_with(decided, night.coupons, night.campaign.space)
        told = (*told, decided)
        yield from in_thread(partial(night.optimizer.decide, [decided]))
        if done is not None:
            return done, told, ""


@dataclass
class Desk:
    """Where a night lays its questions for people in other processes (`beamline.campaign.question`), and finds the answers.

    Args:
        folder: of the records.
        tell: gets the states that the night goes through while it waits.
        state_kind: of the campaign, by now.
        abort: ends the night in good order.
        clock: by which people are waited for, made anew for each question: the wall's, whatever the bench's is.

    Attributes:
        is_asking: a question is open.
    """

    folder: Path
    tell: Callable[[CampaignEvent], None]
    state_kind: Callable[[], str]
    abort: Callable[[str], bool]
    clock: Callable[[], Clock] = RealClock
    is_asking: bool = field(default=False, init=False)

    def __call__(self, night: Night, suggestion: Suggestion, standing: Standing) -> MsgGenerator[Decision]:
        """As a `Reviewer`."""
        question = question_of(
            night.campaign,
            night.label.campaign_uid,
            suggestion,
            n_coupon=night.n_done + 1,
            coupons=night.coupons,
            before=standing.before,
            status=standing.status,
            learnt=standing.learnt,
        )
        given = read_answer(self.folder, question)  # to a process that ended before it could record it
        if given is None:
            given = yield from self._asked(night, question)
        _logger.info(
            "%s: %s by %s (%s)", suggestion.coupon.serial, given.decision.kind, given.decision.by, given.interface
        )
        return given.decision

    def _asked(self, night: Night, question: Question) -> MsgGenerator[Answer]:
        wait_s = night.campaign.review.wait_s
        with posed(self.folder, question) as state:
            self.is_asking = True
            self._tell_wait(night, question)
            clock = self.clock()
            while (given := read_answer(self.folder, question)) is None:
                yield from pause_here()
                if self.state_kind() == "running":  # it was paused, which is over
                    question, clock = question.restated(wait_s), self.clock()
                    state(question)
                    self._tell_wait(night, question)
                if clock.now_s >= wait_s:
                    given = yield from self._too_late(question, wait_s)
                    break
                # By the wall; on a discrete-event clock nothing happens meanwhile, and a night that re-lives it is the same.
                yield Msg("wait_for", None, [lambda: asyncio.sleep(LOOK_EVERY_S)])
        self.is_asking = False
        self.tell(Resume(at_s=night.bench.clock.now_s))
        return given

    def _too_late(self, question: Question, wait_s: float) -> MsgGenerator[Answer]:
        serial = question.suggestion.coupon.serial
        if question.otherwise == "approve":
            note = f'nobody decided within {wait_s:g} s, and review.otherwise = "approve"'
            given = settle(self.folder, question, Approve(by=NOBODY, note=note))
            if given.interface == NIGHT:
                note_action(self.folder, NIGHT, "approve", uid=question.campaign_uid, coupon=serial, by=NOBODY)
            return given
        reason = f'nobody decided about {serial} within {wait_s:g} s, and review.otherwise = "stop"'
        note_action(self.folder, NIGHT, "stop", uid=question.campaign_uid, coupon=serial, by=NOBODY)
        while True:
            self.abort(reason)  # again and again, for an abort that comes between two messages is none
            yield Msg("wait_for", None, [lambda: asyncio.sleep(LOOK_EVERY_S)])

    def _tell_wait(self, night: Night, question: Question) -> None:
        suggestion = question.suggestion
        # With its number: of each question a message is sent, and of one that is asked again after a pause none.
        reason = f"{suggestion.coupon.serial} is suggested, and somebody is to decide (question {question.number[:8]})"
        how = "somebody approves, edits or rejects it: on the web page, or by `vitrail campaign decide`"
        self.tell(Wait(at_s=night.bench.clock.now_s, reason=reason, ends_when=f"{how}; {question.then}"))
