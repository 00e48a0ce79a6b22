"""`%suggest`: what the optimiser would do next, and why, from a campaign file or from what a campaign has recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from beamline.campaign import Campaign, load_campaign
from beamline.campaign.history import find_campaign
from beamline.cli.suggestions import suggestion_text
from beamline.decisions import campaign_of
from beamline.night import earlier_observations, optimizer_of, unused_coupons
from beamline.recipe import Suggestion
from beamline.records import Records
from beamline.shell.paint import paint

__all__ = ["Advice", "advice_text", "advise"]


@dataclass(frozen=True)
class Advice:
    """A suggestion and where it comes from.

    Attributes:
        campaign: what is wanted and what may be varied.
        campaign_uid: whose observations were learnt; None where the campaign has not begun.
        suggestion: the next coupon.
        n_observations: that were learnt.
        p_reached: that the best site so far truly meets the specification.
    """

    campaign: Campaign
    campaign_uid: str | None
    suggestion: Suggestion
    n_observations: int
    p_reached: float


def advise(records: Records, asked: str | None) -> Advice:
    """Ask the optimiser.

    Args:
        records: to learn from.
        asked: a campaign file (`night.toml`: what its night would begin with), or a campaign of the records by name or the
            beginning of its uid (what would come next); None for the newest.

    Raises:
        LookupError: no such campaign.
        ValueError: every coupon has been used, or the file cannot be.
    """
    uid: str | None = None
    if asked is not None and (asked.endswith(".toml") or Path(asked).is_file()):
        campaign = load_campaign(Path(asked))
    else:
        uid = find_campaign(records, asked)
        campaign, _first = campaign_of(records, uid)
    optimizer = optimizer_of(campaign)
    earlier = earlier_observations(records, uid) if uid else ()
    if earlier:
        optimizer.ingest(earlier)
    coupons = unused_coupons(records, campaign, uid)
    if not coupons:
        raise ValueError(f"every coupon of {campaign.name} has been used; a new campaign file names new ones")
    suggestion = optimizer.suggest(coupons)
    return Advice(campaign, uid, suggestion, len(earlier), optimizer.status().p_reached)


def advice_text(advice: Advice) -> str:
    """The suggestion with its reasons."""
    learnt = f"learnt from {advice.n_observations} sites" if advice.n_observations else "nothing observed yet"
    source = f"{advice.campaign.name} {advice.campaign_uid[:8]}" if advice.campaign_uid else advice.campaign.name
    lines = [
        (
            f"{paint('next coupon of ' + source, 'bold')} ({advice.campaign.optimizer.kind}; {learnt}; "
            f"P(target reached) = {advice.p_reached:.2f})"
        ),
        suggestion_text(advice.suggestion, lambda line: paint(line, "dim")),
    ]
    return "\n".join(lines)
