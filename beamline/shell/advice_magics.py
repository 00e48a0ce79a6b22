"""The magics of the optimiser: `%suggest`, and the answers to it: `%accept`, `%edit`, `%reject`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class

from beamline.session import Session

if TYPE_CHECKING:
    from beamline.recipe import Suggestion
    from beamline.shell.advice import Advice

__all__ = ["AdviceMagics"]


@magics_class
class AdviceMagics(Magics):
    """What the optimiser would do next, and what the person at the instrument says to it.

    Args:
        shell: IPython's.
        session: whose records the optimiser learns from.
        campaign_file: that is asked where neither a file nor a campaign is named and the records hold none.
    """

    def __init__(self, shell: Any, session: Session, campaign_file: Path | None) -> None:
        super().__init__(shell)
        self._session = session
        self._file = campaign_file
        self._advice: Advice | None = None
        self._instead: Suggestion | None = None

    @line_magic
    def suggest(self, line: str) -> Any:
        """The optimiser's next coupon with its reasons: `%suggest`, `%suggest night.toml`, `%suggest CAMPAIGN`."""
        from beamline.campaign.history import campaign_uids  # noqa: PLC0415  # as needed
        from beamline.shell.advice import advice_text, advise  # noqa: PLC0415  # numba

        asked = line.strip() or None
        if asked is None and self._file is not None and not campaign_uids(self._session.records):
            asked = str(self._file)
        print("asking the optimiser ...", flush=True)  # noqa: T201
        try:
            self._advice = advise(self._session.records, asked)
        except (LookupError, ValueError) as error:
            text = str(error.args[0]) if error.args else str(error)
            raise UsageError(f"%suggest: {text}; %suggest FILE takes a campaign file") from None
        self._instead = None
        print(advice_text(self._advice))  # noqa: T201

    @line_magic
    def accept(self, line: str) -> None:
        """Take the suggestion, as it was made or as it was edited: `%accept`, `%accept because ...`."""
        advice = self._asked("%accept")
        self._keep("edited" if self._instead else "accepted", advice, reason=line.strip())

    @line_magic("edit")  # type: ignore[arg-type]  # instead of IPython's own, an editor; typed for no argument
    def edit_suggestion(self, line: str) -> None:
        """Change the suggestion: `%edit temperature_C=520 A1.pulse_energy_uJ=130 *.speed_mm_s=0.4 A2=out`."""
        from beamline.shell.advice import suggestion_text  # noqa: PLC0415  # as needed
        from beamline.shell.reviews import EditError, edited  # noqa: PLC0415  # as needed

        advice = self._asked("%edit")
        pairs = [word.partition("=") for word in line.split()]
        if not pairs or any(not equals or not value for _key, equals, value in pairs):
            raise UsageError("%edit: KEY=VALUE, one or more: %edit temperature_C=520 A1.pulse_energy_uJ=130 A2=out")
        try:
            self._instead = edited(
                self._instead or advice.suggestion, {key: value for key, _, value in pairs}, advice.campaign.space
            )
        except EditError as error:
            raise UsageError(f"%edit: {error}") from None
        print(suggestion_text(self._instead))  # noqa: T201
        print("%accept keeps it so")  # noqa: T201

    @line_magic
    def reject(self, line: str) -> None:
        """Refuse the suggestion, and say why: `%reject the coupon has a scratch`."""
        advice = self._asked("%reject")
        if not line.strip():
            raise UsageError("%reject: say why; the reason is kept with the decision")
        self._instead = None
        self._keep("rejected", advice, reason=line.strip())

    def _asked(self, magic: str) -> Advice:
        if self._advice is None:
            raise UsageError(f"{magic}: nothing has been suggested in this session; %suggest first")
        return self._advice

    def _keep(self, verdict: Any, advice: Advice, *, reason: str) -> None:
        from beamline.shell.reviews import ReviewBook  # noqa: PLC0415  # as needed

        book = ReviewBook(self._session.records.folder)
        review = book.keep(
            verdict,
            advice.suggestion,
            campaign=advice.campaign.name,
            campaign_uid=advice.campaign_uid,
            instead=self._instead,
            reason=reason,
        )
        print(f"{verdict} by {review.by}: kept in {book.path(advice.campaign.name)}")  # noqa: T201
