"""`[policy]` of a campaign file: what a night does about faults, what it tries again, what it leaves out, when it ends.

An exposure is never tried again, whatever the file says: there is no word for it.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from beamline.problems import InconsistentError, Problem
from beamline.recipe import Frozen, quantity

__all__ = ["FaultName", "FaultPolicy", "FaultRule", "HalfHeated", "Step", "Then"]

FaultName = Literal["any", "communication", "deadline", "refused", "sensor", "stuck", "drift", "stopped"]
"""Kinds of fault as the devices tell them, `devices.errors` without "Error"; "any" is each of them."""
Step = Literal["carry", "write", "heat", "measure"]
Then = Literal["skip_site", "skip_coupon", "measure", "ask", "stop"]
"""What is done when trying again has not helped, or is not allowed."""
ALLOWED: dict[Step, tuple[Then, ...]] = {
    "carry": ("ask", "stop"),
    "write": ("skip_site", "skip_coupon", "stop"),
    "heat": ("measure", "skip_coupon", "stop"),
    "measure": ("skip_site", "skip_coupon", "stop"),
}
HalfHeated = Literal["rest", "measure", "skip_coupon"]


class FaultRule(Frozen):
    """One `[[policy.rule]]`: an exception from the table, for one kind of fault in one step; the first that fits counts."""

    fault: Annotated[FaultName, Field(description="which kind of fault")] = "any"
    step: Annotated[Step, Field(description="in which step")]
    then: Annotated[
        Literal["skip_site", "skip_coupon", "measure", "ask", "stop"],
        Field(description="what is done, at once: nothing is tried again"),
    ]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.then not in (allowed := ALLOWED[self.step]):
            text = f"{self.then!r} is nothing that can be done in step {self.step!r}; allowed: {', '.join(allowed)}"
            raise InconsistentError([Problem("policy.rule", text)])
        return self


class FaultPolicy(Frozen):
    """What is done when a device fails. Nothing here makes a light shutter open or a furnace hot: that is for safety to say."""

    retries: Annotated[
        int, Field(strict=True, ge=0, le=20, description="how often anything but an exposure is tried again")
    ] = 2
    retry_wait_s: Annotated[float, quantity("s", "before each of these", ge=0, le=3600)] = 30.0
    carry: Annotated[
        Literal["ask", "stop"], Field(description="a coupon that cannot be carried: wait for the operator, or end")
    ] = "stop"
    write: Annotated[
        Literal["skip_site", "skip_coupon", "stop"],
        Field(description="a site that cannot be written, or not confirmed"),
    ] = "skip_site"
    heat: Annotated[
        Literal["measure", "skip_coupon", "stop"],
        Field(description="a heat treatment that cannot go on: measure what it came to, or leave the coupon, or end"),
    ] = "measure"
    measure: Annotated[
        Literal["skip_site", "skip_coupon", "stop"], Field(description="a site that gives no spectrum")
    ] = "skip_site"
    half_heated: Annotated[
        HalfHeated,
        Field(description="when a night is resumed: heat on for the rest, measure as it is, or leave the coupon"),
    ] = "rest"
    operator_within_h: Annotated[float, quantity("h", "how long `ask` waits, then the night ends", gt=0, le=100)] = 2.0
    budget: Annotated[int, Field(strict=True, ge=0, le=1000, description="faults after which the night ends")] = 20
    rule: Annotated[tuple[FaultRule, ...], Field(max_length=50)] = ()

    def then(self, fault: str, step: Step) -> tuple[Then, bool]:
        """What is done about a fault that stays, and whether a rule says so (then nothing is tried again).

        Args:
            fault: its kind, as in `FaultName`.
            step: where it came.
        """
        for rule in self.rule:
            if rule.step == step and rule.fault in ("any", fault):
                return rule.then, True
        table: dict[Step, Then] = {
            "carry": self.carry,
            "write": self.write,
            "heat": self.heat,
            "measure": self.measure,
        }
        return table[step], False
