"""Which runs speak of the same coupons.

A serial names one piece of glass on a bench. A simulated bench makes its coupons anew for each night, so the same serial
in two of its nights is two pieces of glass, in two worlds: what one night did to it, the other did not. A night that goes
on from another one (`after`) goes on in its world. All benches, and manual runs, share the one real world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from beamline.records.run import Run

__all__ = ["World", "worlds"]


@dataclass(frozen=True)
class World:
    """Runs among which a serial names one coupon.

    Attributes:
        campaign_uid: of the simulated night that the world began with; empty for the real world.
        name: of that night; empty for the real world.
        seed: of its truth, where it is recorded.
        runs: in the order of their start.
    """

    campaign_uid: str = ""
    name: str = ""
    seed: int | None = None
    runs: tuple[Run, ...] = ()

    @property
    def is_real(self) -> bool:
        """Whether its coupons are things that one can hold."""
        return not self.campaign_uid

    def __str__(self) -> str:
        if self.is_real:
            return "bench"
        seed = "" if self.seed is None else f", seed {self.seed}"
        return f"simulated: {self.name or 'night'} {self.campaign_uid[:8]}{seed}"


def worlds(runs: Sequence[Run]) -> tuple[World, ...]:
    """Runs by world, in the order in which the worlds begin.

    A mark (`marks`) is in no night: it speaks of the coupon of that serial that the runs before it spoke of last.

    Args:
        runs: in the order of their start.
    """
    firsts = {_campaign(run): run.start for run in runs if run.start.get("purpose") == "campaign"}
    found: dict[str, list[Run]] = {}
    last_with: dict[str, str] = {}
    for run in runs:
        serials = _serials(run.start)
        if run.start.get("purpose") == "mark":
            world = next((last_with[serial] for serial in serials if serial in last_with), "")
        else:
            world = _root(firsts, _campaign(run))
        found.setdefault(world, []).append(run)
        last_with |= dict.fromkeys(serials, world)
    return tuple(_world(uid, firsts.get(uid, {}), tuple(of_it)) for uid, of_it in found.items())


def _world(uid: str, first: dict[str, Any], runs: tuple[Run, ...]) -> World:
    campaign, seed = first.get("campaign"), first.get("seed")
    name = str(campaign.get("name", "")) if isinstance(campaign, dict) else ""
    return World(uid, name, seed if isinstance(seed, int) else None, runs)


def _root(firsts: dict[str, dict[str, Any]], uid: str) -> str:
    """The simulated night with which the world of a campaign began; empty for the real world."""
    root, seen = "", set[str]()
    while uid in firsts and uid not in seen and _is_simulated(firsts[uid]):
        seen.add(uid)
        root, uid = uid, str(firsts[uid].get("after") or "")
    return root


def _is_simulated(first: dict[str, Any]) -> bool:
    instrument = first.get("instrument")
    return isinstance(instrument, dict) and instrument.get("kind") == "twin"


def _campaign(run: Run) -> str:
    campaign = run.start.get("campaign")
    return str(campaign.get("uid", "")) if isinstance(campaign, dict) else ""


def _serials(start: dict[str, Any]) -> list[str]:
    """The coupon of a run; a decision has it in its suggestion too."""
    coupon = start.get("coupon")
    return [str(coupon["serial"])] if isinstance(coupon, dict) and "serial" in coupon else []
