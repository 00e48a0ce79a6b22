"""What a night asks a person before it makes a coupon, and the answer: small files beside the records.

The night writes the question and looks for an answer; whoever answers, from whatever interface, writes one. Nothing else
passes between the two: no socket leads to the engine. An answer that cannot be done is refused where it is given, and the
question stays open; of two answers the first one counts, and the other is told.

The number of a question comes from what is asked. So a night that is resumed asks the same question by the same number, and
takes an answer that was given before its process died.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, ValidationError

from beamline.campaign.file import Campaign
from beamline.campaign.review import Otherwise
from beamline.optimize import OptimizerStatus, SearchSpace
from beamline.optimize.decide import Decided, Decision, OwnPoints, done_with
from beamline.recipe import Coupon, Frozen, Observation, Suggestion
from beamline.records import FileLock, KeepOut, Ledger, is_held, refusals

__all__ = [
    "NIGHT",
    "Answer",
    "AnswerError",
    "Question",
    "answer",
    "open_question",
    "posed",
    "question_of",
    "question_path",
    "read_answer",
    "settle",
]


NIGHT: Final = "night"
"""The interface of what nobody decided."""

_logger = logging.getLogger(__name__)


class AnswerError(ValueError):
    """An answer that is not taken; the message says why, and what can be answered.

    To do: look at the question again, and answer it as the message says.
    """


class Question(Frozen):
    """What a night asks.

    Attributes:
        number: of this question.
        campaign_uid: of the campaign that asks.
        name: of the campaign.
        n_coupon: which coupon of the night it would be, from 1 on.
        suggestion: that is to be decided about.
        before: what was decided about this coupon already: rejections.
        coupons: at hand.
        space: outside of which nothing is done.
        spacing_mm: free distance between sites.
        margin_mm: free distance from the edges.
        status: of the optimiser, which has learnt what no decision in the records says yet.
        learnt: that.
        since: wall time with its zone.
        until: the same; after which nobody is waited for.
        otherwise: what is done then.
    """

    number: str
    campaign_uid: str
    name: str
    n_coupon: Annotated[int, Field(ge=1)]
    suggestion: Suggestion
    before: tuple[Decided, ...] = ()
    coupons: tuple[Coupon, ...]
    space: SearchSpace
    spacing_mm: float
    margin_mm: float
    status: OptimizerStatus
    learnt: tuple[Observation, ...] = ()
    since: str
    until: str
    otherwise: Otherwise

    @property
    def then(self) -> str:
        """What happens when nobody answers, in words."""
        words = {"approve": "it is made as suggested", "stop": "the night ends, and can be resumed"}
        return f"at {self.until[11:19]} {words[self.otherwise]}"

    def done(self, decision: Decision) -> Suggestion | None:
        """What a decision comes to; None where it is a rejection.

        Raises:
            AnswerError: it cannot be done.
        """
        try:
            done = done_with(Decided(suggestion=self.suggestion, decision=decision), self.coupons, self.space)
        except ValidationError as error:  # it names sites that are not there
            raise AnswerError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
        except ValueError as error:
            raise AnswerError(str(error)) from None
        if done is not None and isinstance(decision, OwnPoints):
            sites = {one.site.name: one.site for one in done.sites}
            keep_out = KeepOut(self.spacing_mm, self.margin_mm)
            if found := refusals(Ledger.of(()), done.coupon.serial, sites, done.recipes(), keep_out):
                raise AnswerError("; ".join(found[:5]))
        return done

    def restated(self, wait_s: float) -> Question:
        """The same question, asked from now on."""
        since, until = _times(wait_s)
        return self.model_copy(update={"since": since, "until": until})


class Answer(Frozen):
    """What was answered.

    Attributes:
        number: of the question.
        decision: what was decided.
        at: wall time with its zone.
        interface: it came by: "web", "command", "shell"; "night" where nobody answered in time.
    """

    number: str
    decision: Decision
    at: str
    interface: Annotated[str, Field(max_length=40)]


def question_of(
    campaign: Campaign,
    campaign_uid: str,
    suggestion: Suggestion,
    *,
    n_coupon: int,
    coupons: Sequence[Coupon],
    before: Sequence[Decided],
    status: OptimizerStatus,
    learnt: Sequence[Observation],
) -> Question:
    """The question that a night asks now about a suggestion; the arguments are as the attributes of `Question`."""
    text = "\n".join([campaign_uid, str(n_coupon), str(len(before)), suggestion.to_json()])
    since, until = _times(campaign.review.wait_s)
    return Question(
        number=hashlib.sha256(text.encode()).hexdigest()[:16],
        campaign_uid=campaign_uid,
        name=campaign.name,
        n_coupon=n_coupon,
        suggestion=suggestion,
        before=tuple(before),
        coupons=tuple(coupons),
        space=campaign.space,
        spacing_mm=campaign.sites.spacing_mm,
        margin_mm=campaign.sites.margin_mm,
        status=status,
        learnt=tuple(learnt),
        since=since,
        until=until,
        otherwise=campaign.review.otherwise,
    )


def question_path(folder: Path, campaign_uid: str) -> Path:
    """Where the question of a night lies while it is open."""
    return folder / "state" / f"{campaign_uid}.question.json"


def _lock_path(folder: Path, campaign_uid: str) -> Path:
    """Held by the process that asks, so that a question whose process has died is told from one that is open."""
    return folder / "state" / f"{campaign_uid}.question.lock"


def _answer_path(folder: Path, question: Question) -> Path:
    return folder / "state" / f"{question.campaign_uid}.answer-{question.number}.json"


# ------------------------------------------------------------------------------------------------------ of the night
@contextmanager
def posed(folder: Path, question: Question) -> Iterator[Callable[[Question], None]]:
    """The question is open within `with`; what is given states it again, with other times.

    Args:
        folder: of the records.
        question: that is asked.

    Raises:
        OSError: it cannot be written, or another process asks for this campaign.
    """
    path = question_path(folder, question.campaign_uid)
    lock = FileLock(_lock_path(folder, question.campaign_uid))

    def state(again: Question) -> None:
        _written(path, again)

    state(question)
    if not lock.acquire():
        raise BlockingIOError(f"another night asks already, and holds {_lock_path(folder, question.campaign_uid)}")
    try:
        yield state
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()


def settle(folder: Path, question: Question, decision: Decision) -> Answer:
    """What the night decides itself because nobody did; an answer that came first counts instead.

    That it cannot be written is logged, and stops no night: the decision document has it.
    """
    try:
        return _kept(folder, question, decision, NIGHT)[0]
    except OSError:
        _logger.exception("what the night has decided itself could not be written beside the records")
        return read_answer(folder, question) or _answer_now(question, decision, NIGHT)


def read_answer(folder: Path, question: Question) -> Answer | None:
    """The answer to a question; None where there is none, or none that can be read and done."""
    try:
        given = Answer.model_validate_json(_answer_path(folder, question).read_bytes())
        question.done(given.decision)
    except (OSError, ValidationError, AnswerError):
        return None
    return given


# ---------------------------------------------------------------------------------------------------- of whoever answers
def open_question(folder: Path, campaign_uid: str) -> Question | None:
    """The question that a night of these records waits with; None where none does."""
    try:
        question = Question.model_validate_json(question_path(folder, campaign_uid).read_bytes())
    except (OSError, ValidationError):
        return None
    if not is_held(_lock_path(folder, campaign_uid)) or read_answer(folder, question) is not None:
        return None
    return question


def answer(folder: Path, question: Question, decision: Decision, *, interface: str) -> Answer:
    """Answer a question.

    Args:
        folder: of the records.
        question: as `open_question` gave it.
        decision: about it.
        interface: by which it comes.

    Raises:
        AnswerError: it cannot be done, the night does not wait for it any more, or somebody was first.
        OSError: the answer cannot be written.
    """
    question.done(decision)
    now = open_question(folder, question.campaign_uid)
    given = read_answer(folder, question)  # after it: an answer that closes the question in between is seen
    if given is None:
        if now is None:
            raise AnswerError(f"{question.name} does not wait for a decision any more")
        if now.number != question.number:
            raise AnswerError(
                f"this answers an older question; now {question.name} asks about {now.suggestion.coupon.serial} "
                f"(question {now.number[:8]}): look at it, and decide again"
            )
        given, is_first = _kept(folder, question, decision, interface)
        if is_first:
            return given
    raise AnswerError(
        f"it has been decided already: {given.decision.kind} by {given.decision.by} at {given.at[11:19]} ({given.interface})"
    )


def _kept(folder: Path, question: Question, decision: Decision, interface: str) -> tuple[Answer, bool]:
    """The answer that counts, and whether it is this one: the name is made with its content, once."""
    own = _answer_now(question, decision, interface)
    path = _answer_path(folder, question)
    draft = _draft(path)
    try:
        draft.write_text(own.to_json() + "\n", encoding="utf-8")
        try:
            os.link(draft, path)
        except FileExistsError:
            if (given := read_answer(folder, question)) is not None:
                return given, False
            draft.replace(path)  # what lay there nobody can read
    finally:
        draft.unlink(missing_ok=True)
    return own, True


def _answer_now(question: Question, decision: Decision, interface: str) -> Answer:
    now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
    # In the decision too, which is what the records keep.
    decided = decision.model_copy(update={"interface": interface})
    return Answer(number=question.number, decision=decided, at=now, interface=interface)


def _written(path: Path, word: Frozen) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path)
    draft.write_text(word.to_json() + "\n", encoding="utf-8")
    draft.replace(path)


def _draft(path: Path) -> Path:
    return path.with_suffix(f".{os.getpid()}.{os.urandom(4).hex()}.draft")


def _times(wait_s: float) -> tuple[str, str]:
    now = datetime.now(UTC).astimezone()
    return now.isoformat(timespec="seconds"), (now + timedelta(seconds=wait_s)).isoformat(timespec="seconds")
