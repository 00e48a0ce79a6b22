"""How a face answers a night's question: a verdict with what the person wrote; taken or refused, and in the audit trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from beamline.audit import note_action
from beamline.campaign.question import Answer, AnswerError, Question, answer
from beamline.optimize.decide import Approve, Edit, Reject
from beamline.optimize.edits import EditError, edit_of
from beamline.recipe import Suggestion

__all__ = ["Verdict", "decision_of", "give"]

Verdict = Literal["approve", "edit", "reject"]
LONGEST_NOTE = 1000


def give(
    folder: Path,
    question: Question,
    verdict: Verdict,
    *,
    by: str,
    interface: str,
    note: str = "",
    changes: Mapping[str, str] | None = None,
    sites: Sequence[str] = (),
) -> Answer:
    """Answer a question, and note it in the audit trail, as done or as refused.

    Args:
        folder: of the records.
        question: as `open_question` gave it.
        verdict: what is said to the suggestion.
        by: who decides.
        interface: by which it comes.
        note: why, in one line; a rejection wants it.
        changes: of an edit, see `beamline.optimize.edits.edit_of`.
        sites: of a rejection: whose writings are not wanted; none: it is the coupon's heat treatment.

    Raises:
        AnswerError: it is not taken; the message says why.
        OSError: it cannot be written.
    """
    note = " ".join(note.split())
    about = {"uid": question.campaign_uid, "coupon": question.suggestion.coupon.serial, "by": by}
    about |= {"reason": note} if note else {}
    about |= {"changes": " ".join(f"{key}={value}" for key, value in changes.items())} if changes else {}
    about |= {"sites": " ".join(sites)} if sites else {}
    try:
        decision = decision_of(question.suggestion, verdict, by=by, note=note, changes=changes or {}, sites=sites)
        given = answer(folder, question, decision, interface=interface)
    except AnswerError:
        note_action(folder, interface, f"{verdict} refused", **about)
        raise
    note_action(folder, interface, verdict, **about)
    return given


def decision_of(
    suggestion: Suggestion,
    verdict: Verdict,
    *,
    by: str,
    note: str = "",
    changes: Mapping[str, str],
    sites: Sequence[str] = (),
) -> Approve | Edit | Reject:
    """What a person says to a suggestion, as a decision; the arguments are those of `give`.

    Raises:
        AnswerError: it is none.
    """
    if changes and verdict != "edit":
        raise AnswerError(f"changes are for an edit, and this is to {verdict}")
    if sites and verdict != "reject":
        raise AnswerError(
            f"single sites are named to reject them, and this is to {verdict}; an edit leaves out by SITE=out"
        )
    if len(note) > LONGEST_NOTE:
        raise AnswerError(f"the reason has {len(note)} characters; at most {LONGEST_NOTE} are kept")
    if verdict == "reject" and not note:
        raise AnswerError("say why it is rejected: the reason is kept with the decision")
    try:
        if verdict == "edit":
            return edit_of(suggestion, changes, by=by, note=note)
        if verdict == "reject":
            return Reject(by=by, note=note, sites=tuple(sites))
        return Approve(by=by, note=note)
    except EditError as error:
        raise AnswerError(str(error)) from None
    except ValidationError as error:
        first = error.errors()[0]
        raise AnswerError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
