"""Prior and posterior of the uncertain numbers: what is known by itself, and what only together with others."""

from __future__ import annotations

from beamline.optimize.learned import Learned, LearnedNumber
from beamline.report.style import BLUE, GREY, LIGHT, ORANGE, Drawing, Footer, new_figure

__all__ = ["draw_learned"]

NAME, TITLE = "learned", "What was learnt of the physics"
SHOWN = 22
_COLOUR = {"known": BLUE, "confounded": ORANGE, "unseen": GREY}
_WORDS = {"known": "known by itself", "confounded": "known only together with others", "unseen": "the data say little"}


def draw_learned(found: Learned, of: str, code_version: str) -> Drawing:
    """A row a number, in its prior sigmas; at the right its 68 % interval before and after.

    Args:
        found: what was learnt.
        of: campaign, for the footer.
        code_version: of the package.
    """
    shown = [one for one in found.numbers if one.standing != "unseen"][:SHOWN]
    figure = new_figure(1.5 + 0.25 * len(shown))
    axes = figure.subplots()
    axes.axvspan(-1, 1, color=LIGHT, lw=0, zorder=0)
    axes.axvline(0, color=GREY, lw=0.8)
    rows = [len(shown) - i for i in range(len(shown))]
    for kind, colour in _COLOUR.items():
        own = [(y, one) for y, one in zip(rows, shown, strict=True) if one.standing == kind]
        if not own:
            continue
        y, z = [at for at, _ in own], [one.z for _, one in own]
        axes.errorbar(
            z, y, xerr=[one.z_sd for _, one in own], fmt="o", color=colour, elinewidth=1.4, ms=4, label=_WORDS[kind]
        )
        alone = [one.z_sd_if_others_known for _, one in own]
        axes.errorbar(z, y, xerr=alone, fmt="none", color=colour, elinewidth=5, alpha=0.45)
    axes.set_yticks(rows, [f"{one.name}  {one.symbol}" for one in shown], fontsize=7)
    axes.set_ylim(0.3, len(shown) + 0.7)
    axes.grid(visible=False, axis="y")
    reach = max([2.0, *(abs(one.z) + one.z_sd for one in shown)]) * 1.06
    axes.set_xlim(-reach, reach)
    axes.set_xlabel("prior sigmas from the prior's centre (shaded: the prior's ±1σ; thick: σ if all others were known)")
    right = axes.twinx()
    right.set_ylim(axes.get_ylim())
    right.set_yticks(rows, [_in_units(one) for one in shown], fontsize=7)
    right.tick_params(axis="y", length=0)
    right.grid(visible=False)
    figure.legend(loc="outside upper center", ncols=3)
    return Drawing(
        name=NAME,
        title=TITLE,
        caption=(
            f"The {len(shown)} of {len(found.numbers)} uncertain numbers of which most was learnt. A thin bar much longer than "
            "its thick one: the data speak of the number, but another does the same to all that was measured."
        ),
        figure=figure,
        table={
            "name": [one.name for one in found.numbers],
            "symbol": [one.symbol for one in found.numbers],
            "unit": [one.unit for one in found.numbers],
            "standing": [one.standing for one in found.numbers],
            **{
                f"{which}_{end}": [getattr(one, which)[i] for one in found.numbers]
                for which in ("prior", "posterior")
                for i, end in enumerate(("low", "median", "high"))
            },
            "z_prior_sigmas": [one.z for one in found.numbers],
            "z_sd_prior_sigmas": [one.z_sd for one in found.numbers],
            "z_sd_if_others_known_prior_sigmas": [one.z_sd_if_others_known for one in found.numbers],
        },
        footer=Footer(
            (), f"{of}  ·  n = {found.n_observations} outcomes", "error bars 1σ, intervals 68 %", code_version
        ),
    )


def _in_units(one: LearnedNumber) -> str:
    unit = "" if one.unit == "1" else f" {one.unit.replace('um', 'µm')}"
    before, after = (f"{low:.3g}–{high:.3g}" for low, _, high in (one.prior, one.posterior))
    return f"{before} → {after}{unit}"
