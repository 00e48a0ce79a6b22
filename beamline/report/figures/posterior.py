"""Prior and posterior of the physics parameters that the night has said most about."""

from __future__ import annotations

import math

from beamline.optimize import ParameterBelief
from beamline.report.data import NightData
from beamline.report.style import BLUE, GREY, LIGHT, Absent, Drawing, Footer, new_figure
from beamline.report.words import number, plus_minus

__all__ = ["draw_posterior"]

NAME, TITLE = "posterior", "What was learnt of the physics"
SHOWN = 14


def learnt(belief: ParameterBelief) -> float:
    """Bits that a Gaussian belief has gained over its prior (Kullback-Leibler divergence)."""
    sd = max(belief.z_sd, 1e-3)
    return 0.5 * (sd**2 + belief.z**2 - 1.0 - 2.0 * math.log(sd)) / math.log(2.0)


def draw_posterior(night: NightData) -> Drawing | Absent:
    """A row a parameter, in units of its prior sigma, the most informative first."""
    beliefs = sorted(night.status.parameters if night.status else (), key=learnt, reverse=True)
    if not beliefs or night.status is None or not night.status.n_observations:
        return Absent(
            NAME, TITLE, f"the {night.campaign.optimizer.kind} optimiser has no physics parameters to learn of"
        )
    shown = beliefs[:SHOWN]
    figure = new_figure(1.1 + 0.27 * len(shown))
    axes = figure.subplots()
    axes.axvspan(-2, 2, color=LIGHT, alpha=0.5, lw=0, zorder=0)
    axes.axvspan(-1, 1, color=LIGHT, lw=0, zorder=0)
    axes.axvline(0, color=GREY, lw=0.8)
    for row, belief in enumerate(shown):
        y = len(shown) - row
        axes.errorbar(belief.z, y, xerr=belief.z_sd, fmt="o", color=BLUE, elinewidth=1.6, ms=4.5)
    axes.set_yticks(
        [len(shown) - i for i in range(len(shown))], [f"{_words(b)}  {b.symbol}" for b in shown], fontsize=7.2
    )
    reach = max(3.0, max(abs(b.z) + b.z_sd for b in shown) * 1.1)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(0.3, len(shown) + 0.7)
    axes.grid(visible=False, axis="y")
    right = axes.twinx()
    right.set_ylim(axes.get_ylim())
    right.set_yticks(axes.get_yticks(), [_in_units(b, night) for b in shown], fontsize=7.2)
    right.tick_params(axis="y", length=0)
    right.grid(visible=False)
    axes.set_xlabel("posterior, in prior sigmas from the prior's centre (shaded: prior ±1σ, ±2σ)")
    return Drawing(
        name=NAME,
        title=TITLE,
        caption=(
            f"The {len(shown)} of {len(beliefs)} parameters of the physics model of which the belief has moved or narrowed "
            "most, as a Gaussian around the maximum a posteriori. At the right: centre of the prior → posterior. Nearly "
            "degenerate parameters keep wide marginals although their combination is known; a parameter takes up what "
            "the model lacks, so this is calibration, not a measurement of it."
        ),
        figure=figure,
        table={
            "name": [b.name for b in beliefs],
            "symbol": [b.symbol for b in beliefs],
            "unit": [b.unit for b in beliefs],
            "prior_value": [b.prior_value for b in beliefs],
            "posterior_value": [b.posterior_value for b in beliefs],
            "z_prior_sigmas": [b.z for b in beliefs],
            "z_sd_prior_sigmas": [b.z_sd for b in beliefs],
        },
        footer=Footer(
            (night.decisions[-1].uid,),
            f"n = {night.status.n_observations} sites",
            "error bars 1σ of the posterior",
            night.code_version,
        ),
    )


def _in_units(belief: ParameterBelief, night: NightData) -> str:
    """Prior and posterior with their unit, and the posterior's sigma where the records give the prior's."""
    about = night.parameters.get(belief.name)
    unit = "" if belief.unit == "1" else belief.unit.replace("um", "µm")
    sd = math.nan
    if about is not None and "spread" in about:
        moved = belief.z_sd * float(about["spread"])  # type: ignore[arg-type]  # a number in the document
        sd = abs(moved * belief.posterior_value) if about.get("prior") == "lognormal" else moved
    return f"{number(belief.prior_value)} → {plus_minus(belief.posterior_value, sd, unit)}"


def _words(belief: ParameterBelief) -> str:
    """The parameter's name without its unit."""
    unit = belief.unit.replace("/", "_").translate({ord(c): None for c in "() "})
    return belief.name.removesuffix(f"_{unit}").replace("_", " ")
