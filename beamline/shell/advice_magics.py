"""The magics of the optimiser: `%suggest`, and the answers to a night's question: `%accept`, `%edit`, `%reject`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class

from beamline.session import Session

if TYPE_CHECKING:
    from beamline.campaign.question import Question

__all__ = ["AdviceMagics"]

ANSWERS = "%accept   %edit temperature_C=520 A1.pulse_energy_uJ=130 A2=out   %reject WHY"

_DONE = {"approve": "approved", "edit": "edited, and made so", "reject": "rejected; another is suggested"}


@magics_class
class AdviceMagics(Magics):
    """What the optimiser would do next, and what the person at the instrument says to a night that asks.

    Args:
        shell: IPython's.
        session: whose records the optimiser learns from.
        campaign_file: that is asked where neither a file nor a campaign is named and the records hold none.
    """

    def __init__(self, shell: Any, session: Session, campaign_file: Path | None) -> None:
        super().__init__(shell)
        self._session = session
        self._file = campaign_file
        self._folder = session.records.folder
        self._shown: Question | None = None

    @line_magic
    def suggest(self, line: str) -> Any:
        """The next coupon with its reasons: `%suggest`, `%suggest night.toml`, `%suggest CAMPAIGN`, `%suggest RECORDS`.

        RECORDS is a folder in which another process runs a night. A night that waits for a decision is shown with its question,
        which `%accept`, `%edit` and `%reject` answer; else the optimiser is asked.
        """
        from beamline.shell.paint import paint  # noqa: PLC0415  # as needed

        asked = line.strip() or None
        self._shown = None
        self._folder = self._session.records.folder
        if asked is not None and not asked.endswith(".toml") and Path(asked).is_dir():
            self._folder, asked = Path(asked), None
        if asked is None or not asked.endswith(".toml"):
            self._shown = self._open(asked)
        if self._shown is not None:
            from beamline.cli.suggestions import question_text  # noqa: PLC0415  # as needed

            print(question_text(self._shown, lambda head: paint(head, "dim")))  # noqa: T201
            print(paint(ANSWERS, "dim"))  # noqa: T201
            return
        self._advise(asked)

    @line_magic
    def accept(self, line: str) -> None:
        """Let the night make what it asks about, as it is suggested: `%accept`, `%accept because ...`."""
        self._give("accept", "approve", note=line)

    @line_magic("edit")  # type: ignore[arg-type]  # instead of IPython's own, an editor; typed for no argument
    def edit_suggestion(self, line: str) -> None:
        """Let the night make it with changes: `%edit temperature_C=520 A1.pulse_energy_uJ=130 *.speed_mm_s=0.4 A2=out`."""
        from beamline.optimize.edits import EditError, changes_of  # noqa: PLC0415  # as needed

        self._question("edit")
        try:
            changes = changes_of(line.split())
        except EditError as error:
            raise UsageError(f"%edit: {error}") from None
        self._give("edit", "edit", changes=changes)

    @line_magic
    def reject(self, line: str) -> None:
        """Let the night ask about another, and say why: `%reject the coupon has a scratch`."""
        self._give("reject", "reject", note=line)

    # ------------------------------------------------------------------------------------------------------------ helpers
    def _open(self, name: str | None) -> Question | None:
        """What a night asks, in the folder that was shown last."""
        from beamline.campaign.history import find_campaign  # noqa: PLC0415  # as needed
        from beamline.campaign.question import open_question  # noqa: PLC0415  # as needed
        from beamline.records import Records  # noqa: PLC0415  # as needed

        try:
            return open_question(self._folder, find_campaign(Records(self._folder), name))
        except LookupError:
            return None

    def _question(self, magic: str) -> Question:
        if self._shown is None and (question := self._open(None)) is not None:
            raise UsageError(
                f"%{magic}: {question.name} asks about {question.suggestion.coupon.serial}; %suggest shows it, then decide"
            )
        if self._shown is None:
            raise UsageError(
                f"%{magic}: no night on {self._folder} waits for a decision; one whose file says `review.ask = true` does "
                "before each coupon, and %suggest shows what it asks"
            )
        return self._shown

    def _give(self, magic: str, verdict: Any, **about: Any) -> None:
        from beamline.audit import current_user  # noqa: PLC0415  # as needed
        from beamline.campaign.answering import give  # noqa: PLC0415  # as needed
        from beamline.campaign.question import AnswerError  # noqa: PLC0415  # as needed

        question = self._question(magic)
        try:
            answer = give(self._folder, question, verdict, by=current_user(), interface="shell", **about)
        except AnswerError as error:
            raise UsageError(f"%{magic}: {error}") from None
        self._shown = None
        serial = question.suggestion.coupon.serial
        print(f"{serial} {_DONE[verdict]} (by {answer.decision.by}); {question.name} goes on")  # noqa: T201

    def _advise(self, asked: str | None) -> None:
        """The optimiser's own answer, where no night asks."""
        from beamline.campaign.history import campaign_uids  # noqa: PLC0415  # as needed
        from beamline.records import Records  # noqa: PLC0415  # as needed
        from beamline.shell.advice import advice_text, advise  # noqa: PLC0415  # numba

        records = Records(self._folder)
        if asked is None and self._file is not None and not campaign_uids(records):
            asked = str(self._file)
        print("asking the optimiser ...", flush=True)  # noqa: T201
        try:
            print(advice_text(advise(records, asked)))  # noqa: T201
        except (LookupError, ValueError) as error:
            text = str(error.args[0]) if error.args else str(error)
            raise UsageError(f"%suggest: {text}; %suggest FILE takes a campaign file") from None
