"""Coupons for the paper's experiments, and the session on which they are done."""

from __future__ import annotations

from typing import Any, Final

from beamline.recipe import Coupon, Glass, Line
from beamline.records import Run
from beamline.session import Session
from beamline.versions import versions
from plans import Experiment, NightLabel

__all__ = ["COUPONS", "HEATED", "LABEL", "LINE", "Desk"]

LABEL: Final = "reproduce"
_GLASSES: Final = {
    "Br": Glass(name="Br", bromide=3.0, iodide=0.0),
    "BrI": Glass(name="BrI", bromide=1.5, iodide=1.5),
    "I": Glass(name="I", bromide=0.0, iodide=3.0),
}
HEATED: Final = {"Br": (200, 350, 450, 550), "BrI": (200, 550), "I": (200, 450, 550)}
COUPONS: Final = (
    *(
        Coupon(serial=name, glass=_GLASSES["BrI"])
        for name in ("BrI-dots", "BrI-lines", "BrI-bare", "BrI-letter", "BrI-code")
    ),
    Coupon(serial="I-lines", glass=_GLASSES["I"]),
    *(Coupon(serial=f"{g}-{T}", glass=_GLASSES[g]) for g, at in HEATED.items() for T in at),
)
"""All that the experiments need."""

LINE: Final = Line(pulse_energy_uJ=200.0, speed_mm_s=0.4)


class Desk:
    """A session, and plans run on it one after the other."""

    def __init__(self, session: Session, uid: str) -> None:
        self.session = session
        self.label = NightLabel(LABEL, uid, versions())
        self.coupons = {coupon.serial: coupon for coupon in COUPONS}

    def on(self, serial: str) -> Experiment:
        """An experiment on a coupon of the rack."""
        return Experiment(self.session.bench, self.session.records, self.label, self.coupons[serial], is_own_past=True)

    def run(self, plan: Any) -> list[Run]:
        """Run a plan; the runs that it made."""
        before = {run.uid for run in self.session.records.runs()}
        self.session.RE(plan)
        return [run for run in self.session.records.runs() if run.uid not in before]
