"""Numbers as a reader wants them: as many digits as the uncertainty allows, powers of ten where they help."""

from __future__ import annotations

import math
from collections.abc import Sequence

from beamline.recipe import Dot, Glass, HeatTreatment, Line

__all__ = ["heat_words", "number", "plus_minus", "probability", "recipe_words"]

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def plus_minus(value: float, sd: float, unit: str = "") -> str:
    """`12.34 ± 0.56 nm`: the uncertainty with two digits, the value to the same place; large ones with 10ⁿ."""
    tail = f" {unit}" if unit else ""
    if not math.isfinite(value):
        return "–"
    if not math.isfinite(sd) or sd <= 0:
        return number(value) + tail
    exponent = math.floor(math.log10(max(abs(value), sd)))
    power = exponent if exponent >= 5 or exponent <= -4 else 0
    value, sd = value / 10.0**power, sd / 10.0**power
    digits = max(0, 1 - math.floor(math.log10(sd)))
    if power:
        return f"({value:.{digits}f} ± {sd:.{digits}f})·10{str(power).translate(_SUPERSCRIPT)}{tail}"
    return f"{value:.{digits}f} ± {sd:.{digits}f}{tail}"


def probability(p: float) -> str:
    """`P = 0.93`, with no more certainty than a few thousand draws can give."""
    if p > 0.999 or p < 0.001:
        return "P > 0.999" if p > 0.5 else "P < 0.001"
    return f"P = {p:.3f}" if p > 0.95 else f"P = {p:.2f}"


def number(value: float, digits: int = 4) -> str:
    """A number with some significant digits; large or small ones with 10ⁿ."""
    if not math.isfinite(value):
        return "–"
    exponent = math.floor(math.log10(abs(value))) if value else 0
    if exponent >= 5 or exponent <= -4:
        return f"{value / 10.0**exponent:.{max(digits - 1, 0)}f}·10{str(exponent).translate(_SUPERSCRIPT)}"
    return f"{float(f'{value:.{digits}g}'):g}"


def heat_words(treatments: Sequence[HeatTreatment]) -> str:
    """The finished heat treatments of a coupon, in their order."""
    return " then ".join(f"{t.temperature_C:.0f} °C for {t.hold_s / 60:.0f} min" for t in treatments) or "not heated"


def recipe_words(
    glass: Glass, writing: Dot | Line, heat: HeatTreatment | None, power_W: float | None
) -> list[tuple[str, str]]:
    """A recipe as (what, value with unit).

    Args:
        glass: of the coupon.
        writing: of the site.
        heat: of the coupon; None where there was none.
        power_W: at the sample; None where it was not measured.
    """
    lines = [
        ("glass", f"{glass.name} (I/(Br+I) = {glass.iodide_fraction:.3g})"),
        ("pulse energy", f"{writing.pulse_energy_uJ:g} µJ at {writing.repetition_rate_kHz:g} kHz"),
        ("power at sample", "not measured" if power_W is None else f"{power_W:.3g} W"),
    ]
    if isinstance(writing, Line):
        lines.append(("speed", f"{writing.speed_mm_s:g} mm/s"))
    else:
        lines.append(("exposure", f"{writing.exposure_s:g} s"))
    lines += [("passes", f"{writing.n_passes}"), ("depth", f"{writing.depth_mm:g} mm")]
    treated = f"{heat.temperature_C:.0f} °C, {heat.hold_s / 60:.0f} min, {heat.ramp_C_min:g} °C/min" if heat else "none"
    return [*lines, ("heat treatment", treated)]
