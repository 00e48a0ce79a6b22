"""The figures of a night, each a function of `NightData` alone."""

from __future__ import annotations

from collections.abc import Callable

from beamline.report.data import NightData
from beamline.report.figures.best import draw_best
from beamline.report.figures.convergence import draw_convergence
from beamline.report.figures.decay import draw_decay
from beamline.report.figures.dose import draw_dose
from beamline.report.figures.furnace import draw_furnace
from beamline.report.figures.gantt import draw_gantt
from beamline.report.figures.maps import draw_maps
from beamline.report.figures.parity import draw_parity
from beamline.report.figures.posterior import draw_posterior
from beamline.report.figures.waterfall import draw_waterfall
from beamline.report.style import Absent, Drawing

__all__ = ["FIGURES", "figures_of"]

FIGURES: tuple[Callable[[NightData], Drawing | Absent], ...] = (
    draw_best,
    draw_convergence,
    draw_maps,
    draw_waterfall,
    draw_parity,
    draw_posterior,
    draw_dose,
    draw_gantt,
    draw_furnace,
)
"""In the order in which the report shows them."""


def figures_of(night: NightData) -> tuple[Callable[[NightData], Drawing | Absent], ...]:
    """Those of a night: with that of the decays where some were counted."""
    if all(coupon.decays is None for coupon in night.coupons):
        return FIGURES
    return (FIGURES[0], draw_decay, *FIGURES[1:])
