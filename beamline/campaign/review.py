"""`[review]` of a campaign file: whether somebody is asked about each coupon, and what happens when nobody answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from beamline.recipe import Frozen, quantity

__all__ = ["Otherwise", "ReviewRule"]

Otherwise = Literal["approve", "stop"]
"""What a night does when nobody has decided in time."""


class ReviewRule(Frozen):
    """Who is asked about a suggestion. By default nobody: the night runs alone."""

    ask: Annotated[bool, Field(strict=True, description="wait for somebody to approve, edit or reject each coupon")] = (
        False
    )
    wait_s: Annotated[
        float, quantity("s", "how long, by the wall's clock, whatever the bench's is", ge=1, le=604800)
    ] = 3600.0
    otherwise: Annotated[
        Otherwise,
        Field(description="when nobody has decided by then: make it as suggested, or end the night, to be resumed"),
    ] = "approve"
