"""What the start documents of a night say: one place where their keys are spelled. docs/reference/records.md lists them."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from bluesky.utils import IllegalMessageSequence, Msg, MsgGenerator

from beamline.recipe import Coupon, Recipe, Site, as_plain
from beamline.records.calibrated import RESPONSE, WAVELENGTH
from devices import Bench

__all__ = ["OF_SPECTRA", "CouponInHand", "NightLabel", "event_of", "registered_metadata", "valid_metadata"]

OF_SPECTRA = (WAVELENGTH, RESPONSE)
"""Kinds of calibration that spectra are analysed with."""


def event_of(stream: str, *devices: Any) -> MsgGenerator[None]:
    """One event of a stream, of what the devices read now; nothing is triggered.

    Messages as they are, and not by `bps.create`, `bps.read`, `bps.save`: each of those notes the whole call stack when it
    is made, which over a night of samples takes a third of the engine's time.
    """
    try:
        yield Msg("create", None, name=stream)
        for device in devices:
            yield Msg("read", device)
    except Exception:
        with suppress(IllegalMessageSequence):  # where the event was not begun
            yield Msg("drop")  # a device that cannot be read leaves no half an event, in which the next would end up
        raise
    yield Msg("save")


def registered_metadata(bench: Bench) -> dict[str, Any]:
    """For a start document: how the coupon lies, and which run has found that; empty where it lies as it is meant to."""
    known = bench.registration
    if known is None:
        return {}
    about = {"run": known.run, "shift_mm": [known.shift_x_mm, known.shift_y_mm], "turn_rad": known.turn_rad}
    return {"registration": about, "coupon_turn_rad": bench.geometry.turn_rad}


def valid_metadata(bench: Bench, *kinds: str) -> dict[str, Any]:
    """For a start document: the calibrations that are valid as the run begins, those of some kinds only; empty without any.

    What is analysed later is analysed with these, whatever has been calibrated since.
    """
    known = bench.calibrations()
    found = {kind: dict(values) for kind, values in known.items() if not kinds or kind in kinds}
    return {"calibrations": found} if found else {}


@dataclass(frozen=True)
class NightLabel:
    """What every run of a night carries: whose it is and which code made it."""

    campaign_name: str
    campaign_uid: str
    versions: dict[str, str]

    def metadata(self, purpose: str, clock_s: float) -> dict[str, Any]:
        """Start-document metadata of a run of this night."""
        return {
            "purpose": purpose,
            "plan_name": purpose,
            "campaign": {"name": self.campaign_name, "uid": self.campaign_uid},
            "versions": self.versions,
            "clock_s": clock_s,
        }


@dataclass(frozen=True)
class CouponInHand:
    """The coupon that is being processed, which of the night it is (from 1), and under which suggestion.

    `experiment`, where it is given, goes into every run: name of the plan, its parameters, the time it was estimated to take.
    """

    label: NightLabel
    coupon: Coupon
    n_coupon: int
    suggestion_id: str
    sites: dict[str, Site]
    recipes: dict[str, Recipe]
    experiment: dict[str, Any] = field(default_factory=dict)

    def only(self, names: Collection[str]) -> CouponInHand:
        """The same coupon with some of its sites."""
        return replace(
            self,
            sites={name: site for name, site in self.sites.items() if name in names},
            recipes={name: recipe for name, recipe in self.recipes.items() if name in names},
        )

    def metadata(self, purpose: str, clock_s: float) -> dict[str, Any]:
        """Start-document metadata of a run on this coupon."""
        return {
            **self.label.metadata(purpose, clock_s),
            "coupon": as_plain(self.coupon),
            "n_coupon": self.n_coupon,
            "suggestion_id": self.suggestion_id,
            "sites": {name: as_plain(site) for name, site in self.sites.items()},
            "recipes": {name: as_plain(recipe) for name, recipe in self.recipes.items()},
            **({"experiment": self.experiment} if self.experiment else {}),
        }
