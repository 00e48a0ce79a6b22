"""What a campaign is: the models behind `campaign.toml`; what `Campaign.to_toml` writes is a campaign file again."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from beamline.campaign.layout import layout, n_fitting
from beamline.campaign.policy import FaultPolicy
from beamline.campaign.review import ReviewRule
from beamline.faults import FaultEntry, FaultSchedule
from beamline.optimize.objective import Objective
from beamline.optimize.space import SearchSpace
from beamline.physics.parameter_file import ParameterFileError, edited_prior
from beamline.physics.prior import PRIOR, Prior
from beamline.problems import InconsistentError, Problem, ordinal, shown
from beamline.recipe import Coupon, DecayMeasurement, Frozen, Glass, Measurement, Serial, Site, quantity

__all__ = ["Campaign", "CouponEntry", "OptimizerChoice", "SiteGrid", "Stop"]


class OptimizerChoice(Frozen):
    """Which optimiser suggests the coupons."""

    kind: Literal["physics", "skopt", "random"] = Field(
        default="physics",
        description="`physics`: physics model as the prior; `skopt`: without it; `random`: by chance",
    )
    parameters: str | None = Field(
        default=None,
        min_length=1,
        description="parameter file of the physics, beside the campaign file, as of `vitrail physics parameters` or "
        "`vitrail campaign learned --prior-out`",
    )
    edits: str | None = Field(
        default=None,
        description="what that file changes (TOML), taken over when the campaign file is read, so that the records have it",
    )

    @model_validator(mode="after")
    def _edits_make_a_prior(self) -> Self:
        if (self.parameters or self.edits) and self.kind != "physics":
            raise InconsistentError(
                [Problem("optimizer.parameters", f"kind {self.kind!r} has no physics; leave it out")]
            )
        if self.edits:
            try:
                edited_prior(self.edits)
            except ParameterFileError as error:
                raise InconsistentError(
                    [replace(problem, key=f"optimizer.edits.{problem.key}") for problem in error.problems]
                ) from None
        return self

    @property
    def prior(self) -> Prior:
        """Of the parameters of the physics."""
        return edited_prior(self.edits) if self.edits else PRIOR


class SiteGrid(Frozen):
    """How many sites a coupon gets and how close they lie (`beamline.campaign.layout`)."""

    per_coupon: Annotated[
        int,
        Field(strict=True, ge=1, le=400, description="sites on each coupon", json_schema_extra={"unit": "sites"}),
    ] = 12
    spacing_mm: Annotated[float, quantity("mm", "free distance between neighbouring sites", ge=0.1, le=50)] = 2.0
    margin_mm: Annotated[float, quantity("mm", "free distance from the coupon's edges", ge=0, le=50)] = 2.0


class CouponEntry(Frozen):
    """One `[[coupon]]`: a piece of glass at hand."""

    serial: Annotated[Serial, Field(description="the coupon's serial number; each only once")]
    glass: Annotated[Serial, Field(description="name of a [[glass]]")]
    width_mm: Annotated[float, quantity("mm", "extent along x", gt=0, le=100)] = 20.0
    height_mm: Annotated[float, quantity("mm", "extent along y", gt=0, le=100)] = 20.0


class Stop(Frozen):
    """When the night ends; whichever comes first. Without any, it goes on until the coupons are used up."""

    max_coupons: (
        Annotated[
            int,
            Field(
                strict=True, ge=1, le=1000, description="coupons to use at most", json_schema_extra={"unit": "coupons"}
            ),
        ]
        | None
    ) = None
    target_reached_confidence: (
        Annotated[
            float,
            quantity("1", "probability of a site within the specification at which the night ends", ge=0.5, le=0.999),
        ]
        | None
    ) = None
    least_gain_per_hour: (
        Annotated[
            float,
            quantity(
                "1/h",
                "expected growth of the best site's score per hour of the next coupon, below which the night ends",
                gt=0,
                le=100,
            ),
        ]
        | None
    ) = None
    at: time | None = Field(
        default=None, description='local clock time, "07:30", from which on no new coupon is started'
    )
    max_hours: (
        Annotated[float, quantity("h", "hours after the start from which on no new coupon is started", gt=0, le=1000)]
        | None
    ) = None

    @field_validator("at", mode="before")
    @classmethod
    def _clock_time(cls, value: Any) -> Any:
        # pydantic would take a number for seconds and much else; a clock time has one spelling here
        if value is None or (isinstance(value, time) and value.tzinfo is None and value.microsecond == 0):
            return value
        if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?", value):
            return time.fromisoformat(value)
        raise ValueError(
            f'{shown(value)} is not a clock time; write hours and minutes in quotes: "07:30" (local, 24 h)'
        )

    def deadline_s(self, start: datetime) -> float | None:
        """Seconds after `start` from which on no new coupon is started; None where only the coupons end the night.

        Args:
            start: when the campaign starts, with its time zone; `at` is a clock time in that zone.

        Raises:
            ValueError: `start` has no time zone.
        """
        if start.tzinfo is None:
            raise ValueError(f"{start=} has no time zone; give one, for local time with start.astimezone()")
        deadlines = [] if self.max_hours is None else [self.max_hours * 3600.0]
        if self.at is not None:
            end = datetime.combine(start.date(), self.at, tzinfo=start.tzinfo)
            if end <= start:
                end += timedelta(days=1)
            deadlines.append((end.astimezone(UTC) - start.astimezone(UTC)).total_seconds())
        return min(deadlines, default=None)


class Campaign(Frozen):
    """A whole campaign: what is wanted, what may be varied, on which coupons, and when to stop."""

    name: Annotated[Serial, Field(description="becomes part of file names")]
    seed: Annotated[int, Field(strict=True, ge=0, le=2**32 - 1, description="of all that is drawn by chance")] = 1
    optimizer: OptimizerChoice = OptimizerChoice()
    objective: Objective = Objective()
    space: SearchSpace = SearchSpace()
    measurement: Measurement = Measurement()
    sites: SiteGrid = SiteGrid()
    stop: Stop = Stop()
    review: ReviewRule = ReviewRule()
    policy: FaultPolicy = FaultPolicy()
    glass: Annotated[tuple[Glass, ...], Field(min_length=1, max_length=100)]
    coupon: Annotated[tuple[CouponEntry, ...], Field(min_length=1, max_length=1000)]
    fault: Annotated[tuple[FaultEntry, ...], Field(max_length=100)] = ()

    @property
    def faults(self) -> FaultSchedule:
        """What is to fail on purpose, on the simulated bench only."""
        return FaultSchedule(entries=self.fault, seed=self.seed)

    @property
    def coupons(self) -> tuple[Coupon, ...]:
        """The coupons at hand with their glass, in the order of the file."""
        glasses = {glass.name: glass for glass in self.glass}
        return tuple(
            Coupon(serial=c.serial, glass=glasses[c.glass], width_mm=c.width_mm, height_mm=c.height_mm)
            for c in self.coupon
        )

    @property
    def measuring(self) -> Measurement:
        """How sites are measured: with decays where `measurement` asks for them or the objective speaks of a lifetime."""
        wished, decay = self.objective.lifetime_phases(), self.measurement.decay
        if decay is None and not wished:
            return self.measurement
        decay = decay or DecayMeasurement()
        phases = decay.phases or wished or ("red", "green")
        return self.measurement.model_copy(update={"decay": decay.model_copy(update={"phases": phases})})

    @property
    def n_coupons_max(self) -> int:
        """How many coupons the campaign uses at most."""
        return min(len(self.coupon), self.stop.max_coupons or len(self.coupon))

    @property
    def line_length_mm(self) -> float:
        """Length along x that a site takes up, mm: 0 for dots."""
        return self.space.line_length_mm if self.space.mode == "line" else 0.0

    def layout(self, coupon: Coupon) -> tuple[Site, ...]:
        """The sites of a coupon of this campaign."""
        return layout(
            coupon,
            self.sites.per_coupon,
            spacing_mm=self.sites.spacing_mm,
            margin_mm=self.sites.margin_mm,
            line_length_mm=self.line_length_mm,
        )

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        problems = [*self._repeated(), *self._without_glass()]
        if not problems:
            problems = [*self._crowded(), *self._impossible(), *self._uncounted()]
        if problems:
            raise InconsistentError(problems)
        return self

    def _repeated(self) -> list[Problem]:
        names = Counter(glass.name for glass in self.glass)
        serials = Counter(coupon.serial for coupon in self.coupon)
        return [
            Problem(key, f"{shown(name)} is given {n} times; give each its own")
            for key, counter in (("glass.name", names), ("coupon.serial", serials))
            for name, n in counter.items()
            if n > 1
        ]

    def _without_glass(self) -> list[Problem]:
        names = [glass.name for glass in self.glass]
        problems = []
        for i, coupon in enumerate(self.coupon):
            if coupon.glass not in names:
                close = difflib.get_close_matches(coupon.glass, names, n=1)
                known = f"known glasses: {', '.join(map(shown, names))}"
                text = (
                    f"coupon {coupon.serial} is of glass {shown(coupon.glass)}, for which there is no [[glass]]; "
                    f"{f'did you mean {shown(close[0])}?' if close else known}"
                )
                problems.append(Problem("coupon.glass", text, f"{ordinal(i + 1)} [[coupon]]"))
        return problems

    def _impossible(self) -> Iterator[Problem]:
        """A target that no coupon at hand can meet, and a stop at a target where there is none."""
        targets = self.objective.targets()
        speaks_of = {of for _, of in targets.values()}
        glasses = [coupon.glass for coupon in self.coupons]
        for phase, halide in (("red", "iodide"), ("green", "bromide")):
            keys = [key for key, (_, of) in targets.items() if of in {phase, "both"}]
            if speaks_of & {phase, "both"} and not any(getattr(glass, halide) for glass in glasses):
                names = ", ".join(dict.fromkeys(glass.name for glass in glasses))
                text = (
                    f"no coupon at hand can meet it: glass {names} holds no {halide} and has no {phase} phase; "
                    f'write {keys[0]} = "ignore" or add a coupon of another glass'
                )
                yield Problem(f"objective.{keys[0]}", text)
        if self.stop.target_reached_confidence is not None and not targets:
            yield Problem(
                "stop.target_reached_confidence",
                "the objective has no target that could be reached, only brightness; leave it out, or give least_gain_per_hour",
            )

    def _uncounted(self) -> Iterator[Problem]:
        """A lifetime that is wished for, and whose decays are not counted."""
        decay = self.measurement.decay
        for phase in self.objective.lifetime_phases():
            if decay is not None and decay.phases is not None and phase not in decay.phases:
                text = f"{list(decay.phases)}, and the objective speaks of the {phase} lifetime"
                yield Problem("measurement.decay.phases", f"{text}; add {shown(phase)}, or leave phases out")

    def _crowded(self) -> list[Problem]:
        spacing_mm, margin_mm, line_mm = self.sites.spacing_mm, self.sites.margin_mm, self.line_length_mm

        def fitting(coupon: Coupon) -> int:
            return n_fitting(coupon, spacing_mm=spacing_mm, margin_mm=margin_mm, line_length_mm=line_mm)

        smallest = min(self.coupons, key=fitting)
        n = fitting(smallest)
        if n >= self.sites.per_coupon:
            return []
        what = f"lines of {line_mm:g} mm" if line_mm else "dots"
        advice = f"at most {n}, or less spacing or margin" if n else "less margin, shorter lines or larger coupons"
        text = (
            f"{self.sites.per_coupon} sites do not fit: {n} fit on coupon {smallest.serial} "
            f"({smallest.width_mm:g} x {smallest.height_mm:g} mm) as {what} "
            f"with {spacing_mm=:g} and {margin_mm=:g}; give {advice}"
        )
        return [Problem("sites.per_coupon", text)]
