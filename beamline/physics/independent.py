"""Heat without the closed forms: finite volumes, and heat kernels summed over time. Slow; for checks of `conduction`.

The two know nothing of each other. `by_volumes` takes the heat equation alone and cuts space into shells; `by_kernels` takes
the Gaussian that a point of heat spreads into and sums it over all that was absorbed before, with its image above the
surface and, for a line, with the motion of the source. Units um, s, K, W.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh_tridiagonal

__all__ = ["Heating", "by_kernels", "by_pulses", "by_volumes"]


@dataclass(frozen=True, slots=True)
class Heating:
    """A Gaussian source in a glass.

    Attributes:
        power_W: absorbed.
        radius_um: a, where the source has fallen to 1 / e.
        conductivity_W_mK: of the glass.
        heat_capacity_J_cm3K: of the glass.
        depth_um: of the source; infinite for a glass without a surface.
        speed_um_s: of the source; 0 for a dot.
    """

    power_W: float
    radius_um: float
    conductivity_W_mK: float
    heat_capacity_J_cm3K: float
    depth_um: float = np.inf
    speed_um_s: float = 0.0

    @property
    def diffusivity_um2_s(self) -> float:
        """D = K / (rho c)."""
        return self.conductivity_W_mK / self.heat_capacity_J_cm3K * 1e6

    @property
    def heat_capacity_J_um3K(self) -> float:
        """In the unit of the lengths."""
        return self.heat_capacity_J_cm3K * 1e-12


def by_volumes(heating: Heating, time_s: float, n_shells: int = 600) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rise around a resting source without a surface: conservation of heat in shells, solved exactly in time.

    Shells are thin in the source and grow outwards to twelve diffusion lengths. Their conductances make a symmetric
    tridiagonal matrix, whose eigenvectors warm up one by one. The error is of second order in the shells' thickness.

    Args:
        heating: without depth and speed.
        time_s: since the source was switched on.
        n_shells: number of shells.

    Returns:
        Radii of the shells' middles (n_shells,) in um and the rise there in K.
    """
    a = heating.radius_um
    far = 12.0 * np.sqrt(a**2 + 4.0 * heating.diffusivity_um2_s * time_s)
    edges = a * np.sinh(np.linspace(0.0, np.arcsinh(far / a), n_shells + 1))
    middles = 0.5 * (edges[1:] + edges[:-1])
    capacities = heating.heat_capacity_J_um3K * 4.0 / 3.0 * np.pi * np.diff(edges**3)
    conductances = heating.conductivity_W_mK * 1e-6 * 4.0 * np.pi * edges[1:-1] ** 2 / np.diff(middles)
    absorbed = heating.power_W * np.diff(_share_inside(edges / a))

    leaks = np.zeros(n_shells)
    leaks[:-1] += conductances
    leaks[1:] += conductances
    root = np.sqrt(capacities)
    rates, modes = eigh_tridiagonal(leaks / capacities, -conductances / (root[:-1] * root[1:]))
    rates = np.maximum(rates, 0.0)
    slow = rates * time_s < 1e-12
    warmed = np.where(slow, time_s, -np.expm1(-rates * time_s) / np.where(slow, 1.0, rates))
    return middles, np.asarray(modes @ (warmed * (modes.T @ (absorbed / root))) / root)


def _share_inside(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of a Gaussian exp(-x^2) of three dimensions inside x, by quadrature: 4 / sqrt(pi) int x^2 exp(-x^2) dx."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    reach = np.minimum(x, 7.0)[:, np.newaxis]
    s = 0.5 * reach * (nodes + 1.0)
    return np.asarray((4.0 / np.sqrt(np.pi) * 0.5 * reach * weights * s**2 * np.exp(-(s**2))).sum(axis=1))


def by_kernels(
    heating: Heating, time_s: float, ahead_um: ArrayLike, aside_um: ArrayLike, n_times: int = 400
) -> NDArray[np.float64]:
    """Rise in the plane of the source, at distances from it along its motion and across, as arrays that broadcast.

    The time since the heat was absorbed is summed by Gauss-Legendre in s = (a^2 + 4 D t)^(-1/2), which is smooth.

    Args:
        heating: a source in a half space.
        time_s: since the source was switched on; may be infinite.
        ahead_um: distance ahead of the source.
        aside_um: distance across.
        n_times: points in time.

    Returns:
        Rise in K.
    """
    ahead, aside = (np.asarray(d, dtype=np.float64)[..., np.newaxis] for d in (ahead_um, aside_um))
    D = heating.diffusivity_um2_s
    nodes, weights = np.polynomial.legendre.leggauss(n_times)
    first = 1.0 / heating.radius_um
    last = 1.0 / np.sqrt(heating.radius_um**2 + 4.0 * D * time_s)
    s = last + 0.5 * (first - last) * (nodes + 1.0)
    ago_s = (1.0 / s**2 - heating.radius_um**2) / (4.0 * D)
    distance2 = (ahead + heating.speed_um_s * ago_s) ** 2 + aside**2
    image2 = distance2 + (2.0 * heating.depth_um) ** 2
    kernel = np.exp(-distance2 * s**2) + np.exp(-image2 * s**2)
    strength = heating.power_W / (heating.heat_capacity_J_um3K * np.pi**1.5 * 2.0 * D)
    return np.asarray(strength * 0.5 * (first - last) * (weights * kernel).sum(axis=-1))


def by_pulses(energy_uJ: float, heating: Heating, rate_1_s: float, n_pulses: int) -> float:
    """Rise at the centre just after the last of n pulses, the sum over all of them; without a surface."""
    a2 = heating.radius_um**2
    ago_s = np.arange(n_pulses) / rate_1_s
    spread = (np.pi * (a2 + 4.0 * heating.diffusivity_um2_s * ago_s)) ** -1.5
    return float(energy_uJ * 1e-6 / heating.heat_capacity_J_um3K * spread.sum())
