"""Halide exchange while the laser keeps the droplets liquid: how much of the crystals turns red, and how red."""

from __future__ import annotations

from beamline.physics.exponential import expm1
from beamline.physics.jit import compiled
from beamline.physics.records import Record

__all__ = ["birth_iodide_fraction", "red_iodide_fraction", "red_share", "residual_iodide_fraction"]


@compiled
def residual_iodide_fraction(y: float, p: Record) -> float:
    """Iodide fraction 1 - (1 - y)^q of the residual melt, enriched since bromide leaves it first: the limit of exchange."""
    return 1.0 - (1.0 - y) ** p.residual_enrichment  # type: ignore[no-any-return]  # a record's field


@compiled
def birth_iodide_fraction(y: float, p: Record) -> float:
    """Iodide fraction y^p_0 of a droplet when it separates."""
    return y**p.birth_exponent  # type: ignore[no-any-return]  # a record's field


@compiled
def red_share(y: float, dose: float, p: Record) -> float:
    """Share of the crystals that is red after an exchange dose xi: y g / [y g + (1 - y)(1 - g)], g = 1 - exp(-(eta xi)^2)."""
    steep = p.conversion_steepness * dose
    converted = -expm1(-steep * steep)
    red = y * converted
    green = (1.0 - y) * (1.0 - converted)
    whole = red + green
    return red / whole if whole > 0.0 else (1.0 if y >= 1.0 else 0.0)


@compiled
def red_iodide_fraction(birth: float, residual: float, dose: float) -> float:
    """Iodide fraction of the red phase on its way from birth to the residual melt: 1 - exp(-xi) of the way."""
    return birth + (residual - birth) * -expm1(-dose)
