"""One night of a study: whole, on the simulated bench, and judged by its measured outcomes alone.

Plans, engine, devices, log and analysis are those of every night; only catalog and report are left out. All optimisers of a seed
have the same truth, coupons and noise. A night has reached its target when some site meets the specification with
probability `CONFIDENCE` or more, by what was measured and without any model.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from beamline.campaign import Campaign, OptimizerChoice
from beamline.campaign.review import ReviewRule
from beamline.recipe import Frozen, as_plain

__all__ = ["CONFIDENCE", "NightRow", "NightTask", "StudyError", "live_night", "tasks_of"]

CONFIDENCE = 0.9
ARMS: tuple[str, ...] = get_args(OptimizerChoice.model_fields["kind"].annotation)


class StudyError(ValueError):
    """A study that cannot be made as asked, or a night of it that failed.

    To do: change what it names; a study that was interrupted goes on where it was.
    """


class NightTask(Frozen):
    """A night that is to be lived.

    Attributes:
        campaign: with the optimiser and the seed of this night.
        digest: of the campaign as it was asked for, whatever its seed and optimiser: which nights are of the same one.
    """

    campaign: Campaign
    digest: str

    @property
    def key(self) -> tuple[str, str, int]:
        """By which a night is known again: campaign, optimiser, seed."""
        return self.digest, self.campaign.optimizer.kind, self.campaign.seed


class NightRow(Frozen):
    """What is kept of a night.

    Attributes:
        p_reached: probability that the target is reached, after each coupon.
        hours: of the bench's clock.
        reason: why it ended.
        checks: what the optimiser had foreseen against what came, a coupon each; empty where it foresees nothing.
    """

    campaign: str
    digest: str
    arm: str
    seed: int
    p_reached: tuple[float, ...]
    hours: float
    reason: str
    checks: tuple[dict[str, Any], ...] = ()

    @property
    def key(self) -> tuple[str, str, int]:
        """That of its task."""
        return self.digest, self.arm, self.seed

    @property
    def first(self) -> int | None:
        """After which coupon (from 1) the target was reached; None where it was not."""
        return next((i for i, p in enumerate(self.p_reached, start=1) if p >= CONFIDENCE), None)


def tasks_of(campaigns: Sequence[Campaign], arms: Sequence[str], seeds: Sequence[int]) -> tuple[NightTask, ...]:
    """Seeds x optimisers x campaigns; all of a seed come together, so that a study that is broken off compares what it has.

    Raises:
        StudyError: nothing is asked for, an optimiser is not known, or two campaigns have one name.
    """
    for what, asked in (("campaign", campaigns), ("optimiser", arms), ("seed", seeds)):
        if not asked:
            raise StudyError(f"no {what} is given; a study wants at least one")
    if unknown := [arm for arm in arms if arm not in ARMS]:
        raise StudyError(f"{', '.join(unknown)}: no optimiser of a campaign; there are: {', '.join(ARMS)}")
    names = [campaign.name for campaign in campaigns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise StudyError(f"two campaigns are called {', '.join(twice)}; give each a name of its own")
    return tuple(
        NightTask(campaign=_variant(campaign, arm, seed), digest=_digest(campaign))
        for seed in dict.fromkeys(seeds)
        for campaign in campaigns
        for arm in dict.fromkeys(arms)
    )


def _variant(campaign: Campaign, arm: str, seed: int) -> Campaign:
    choice = campaign.optimizer.model_copy(update={"kind": arm})
    # Nobody is there to be asked.
    return campaign.model_copy(update={"seed": seed, "optimizer": choice, "review": ReviewRule()})


def _digest(campaign: Campaign) -> str:
    plain = as_plain(_variant(campaign, ARMS[0], 0))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def live_night(task: NightTask) -> NightRow:
    """Live a night, in a record folder that is gone afterwards.

    Raises:
        StudyError: it failed; which one, and why.
    """
    from beamline.instrument import Instrument  # noqa: PLC0415  # with the engine: only where a night is lived
    from beamline.night import earlier_observations, optimizer_of, run_night  # noqa: PLC0415  # as above
    from beamline.optimize import make_optimizer  # noqa: PLC0415  # as above
    from beamline.session import open_session  # noqa: PLC0415  # as above

    campaign = task.campaign
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="vitrail-study-") as data:
        warnings.simplefilter("ignore")  # of many nights at once: what matters is in the row
        with open_session(
            Instrument(),
            coupons=campaign.coupons,
            data=Path(data),
            seed=campaign.seed,
            unattended=True,
            catalog=False,
            faults=campaign.faults,
        ) as session:
            optimizer = optimizer_of(campaign)
            outcome = run_night(session, campaign, optimizer=optimizer)
        if outcome.exit_status != "success":
            raise StudyError(f"{campaign.name}, {campaign.optimizer.kind}, seed {campaign.seed}: {outcome.reason}")
        judge = make_optimizer(
            "random", space=campaign.space, objective=campaign.objective, layout=campaign.layout, seed=0
        )
        judge.ingest(earlier_observations(session.records, outcome.campaign_uid))
    return NightRow(
        campaign=campaign.name,
        digest=task.digest,
        arm=campaign.optimizer.kind,
        seed=campaign.seed,
        p_reached=tuple(entry.p_reached for entry in judge.status().trace),
        hours=outcome.simulated_s / 3600,
        reason=outcome.reason,
        checks=tuple(as_plain(check) for check in optimizer.status().checks),
    )
