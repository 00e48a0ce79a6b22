"""How large the parts are that keep data and physics apart: learnt by marginal likelihood, each held near its prior size.

The parts (misfit, coupon, composition, pulse energy, site, the noise that the analysis gives, and the prior of the parameters
itself) are variance components of one Gaussian: the latents are integrated out along their tangent, so that what a parameter
can explain is charged to nothing else. Each component is multiplied by the square root of how often the data use it over how
often it should be used, until nothing changes (the minorise-maximise steps of Zhou et al. 2019), with an inverse-gamma prior
about the default size.

A component whose data say that it is several times larger than assumed says that the model is wrong there. That of the
latents' prior is the verdict on the prior: where the parameters must be at four sigma to explain what was seen, the prior is
widened for all of them, and physics is trusted less by as much.

What a coupon has for itself is learnt from as many numbers as there were coupons, which are few. The size that a handful of
them had by chance is not that of the next: it is drawn anew for every draw of it (`CouponKnown`), as the inverse-gamma
posterior with as many data as the coupons amount to; what is foreseen has the tails of Student's t for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from scipy.linalg.lapack import dpotrf, dpotri

from beamline.optimize.discrepancy import DEFAULT_AMPLITUDE, DEFAULT_FURNACE, OF_FURNACE, correlation, shared
from beamline.optimize.likelihood import Linear, Problem
from beamline.optimize.noise import Noise
from beamline.optimize.observables import N_OBSERVABLES, Observable

__all__ = ["Sizes", "learnt_sizes"]

Floats = npt.NDArray[np.float64]

MOST_SITES = 84
"""Sites from which sizes are learnt, from coupons spread evenly over all: sizes are few numbers."""
FEWEST_ROWS = 6
"""Data below which nothing is learnt about sizes."""
ROUNDS = 20

_GROUPS = {
    "red_peak": (Observable.RED_PEAK_EV,),
    "green_peak": (Observable.GREEN_PEAK_EV,),
    "red_rate": (Observable.LN_RED_RATE,),
    "green_rate": (Observable.LN_GREEN_RATE,),
    "red_lifetime": (Observable.LN_RED_LIFETIME,),
    "green_lifetime": (Observable.LN_GREEN_LIFETIME,),
}


def _groups(default: Noise) -> dict[str, tuple[Observable, ...]]:
    """Those of the observables that are modelled."""
    return {name: group for name, group in _GROUPS.items() if group[0] < len(default.misfit)}


@dataclass(frozen=True)
class Belonging:
    """How firmly a component is held at its default variance, and how far it may go.

    Attributes:
        firmness: of the prior, in data that agree with the default.
        low: smallest factor on the variance.
        high: largest.
    """

    firmness: float
    low: float
    high: float


MISFIT = Belonging(0.5, 0.05**2, 20.0**2)
FURNACE = Belonging(0.5, 0.05**2, 20.0**2)
COUPON = Belonging(3.0, 0.1**2, 6.0**2)
COMPOSITION = Belonging(3.0, 0.1**2, 2.5**2)
SITE = Belonging(1.0, 0.1**2, 10.0**2)
ANALYSIS = Belonging(1.0, 0.1**2, 2.0**2)  # its upper end is that of the factor on what the analysis says
WIDENING = Belonging(60.0, 0.8**2, 2.0**2)


@dataclass(frozen=True)
class CouponKnown:
    """How well the variances are known of what a coupon has for itself: by observable, then of its composition.

    Attributes:
        data: what each is known from, in independent values, (n_observables + 1,).
        most: factor by which it may still be larger, (n_observables + 1,).
    """

    data: Floats
    most: Floats

    @classmethod
    def before_data(cls, n_observables: int = N_OBSERVABLES) -> CouponKnown:
        """As firmly as assumed."""
        parts = (*(COUPON,) * n_observables, COMPOSITION)
        return cls(np.array([part.firmness for part in parts]), np.array([part.high for part in parts]))

    def factors(self, n: int, rng: np.random.Generator) -> Floats:
        """Factors on the sizes, in n draws, (n, n_observables + 1)."""
        variance = self.data / np.maximum(rng.chisquare(self.data, size=(n, len(self.data))), 1e-9)
        return np.asarray(np.sqrt(np.minimum(variance, self.most)))


@dataclass(frozen=True)
class Sizes:
    """One-sigma sizes of all that is not the physics at its nominal parameters.

    Attributes:
        amplitude: of the misfit by observable, (4,).
        furnace: and of its part that the sites of a coupon share, (4,).
        noise: of the scatter.
        widening: factor on the prior sigma of every latent.
        known: how well the parts that a coupon has for itself are known: by observable, then its composition.
    """

    amplitude: Floats = field(default_factory=lambda: DEFAULT_AMPLITUDE)
    furnace: Floats = field(default_factory=lambda: DEFAULT_FURNACE)
    noise: Noise = field(default_factory=Noise)
    widening: float = 1.0
    known: CouponKnown = field(default_factory=CouponKnown.before_data)

    @classmethod
    def before_data(cls, noise: Noise) -> Sizes:
        """As assumed."""
        return cls(noise.misfit, noise.furnace, noise, known=CouponKnown.before_data(len(noise.misfit)))


def _only(covariance: Floats, group: tuple[Observable, ...]) -> Floats:
    mask = np.zeros(len(covariance))
    mask[list(group)] = 1.0
    return np.asarray(covariance * np.outer(mask, mask))


def _subset(problem: Problem) -> npt.NDArray[np.int64]:
    """Rows of values of coupons spread evenly over all, the newest among them."""
    counts = [len(sites) for sites in problem.coupon_sites]
    n = len(counts)
    keep = max(1, min(n, int(MOST_SITES * n / max(sum(counts), 1))))
    coupons = sorted({round(i * (n - 1) / max(keep - 1, 1)) for i in range(keep)} | {n - 1})
    rows = np.concatenate([problem.coupon_rows[n] for n in coupons])
    return np.asarray(rows[problem.is_value[rows]])


def _components(
    problem: Problem, linear: Linear, rows: npt.NDArray[np.int64], default: Noise
) -> list[tuple[str, Belonging, Floats]]:
    """Name, prior and covariance at the default size, over the rows."""
    evidence, weights = problem.evidence, linear.weights[rows]
    site = evidence.row_site[rows]
    alike = correlation(problem.where[site], problem.where[site])
    of_furnace = problem.where[site] * OF_FURNACE
    alike_furnace = correlation(of_furnace, of_furnace)
    same_coupon = evidence.coupon[site][:, None] == evidence.coupon[site]
    same_place = evidence.place[site][:, None] == evidence.place[site]
    iodide, energy, latent = linear.iodide[rows], linear.log_energy[rows], linear.latent[rows]
    found = []
    for name, group in _groups(default).items():
        for kind, belonging, covariance, pattern in (
            ("misfit", MISFIT, shared(default.misfit), alike),
            ("furnace", FURNACE, shared(default.furnace), alike_furnace),
            ("coupon", COUPON, default.coupon, same_coupon),
            ("site", SITE, default.site, same_place),
        ):
            found.append((f"{kind} {name}", belonging, (weights @ _only(covariance, group) @ weights.T) * pattern))
        noise = np.diag((problem.sd[rows] * (weights[:, list(group)] @ default.analysis[list(group)])) ** 2)
        most = ANALYSIS.high / float(default.analysis[group[0]]) ** 2
        found.append((f"analysis {name}", replace(ANALYSIS, high=most), noise))
    found.append(("composition", COMPOSITION, default.iodide_fraction**2 * np.outer(iodide, iodide) * same_coupon))
    found.append(("energy", SITE, default.ln_energy**2 * np.outer(energy, energy) * same_place))
    found.append(("latents", WIDENING, latent @ latent.T))
    return found


def learnt_sizes(problem: Problem, linear: Linear, odd: Floats, start: Sizes, default: Noise) -> Sizes:
    """Sizes at the maximum of the marginal likelihood of the measured values, times their priors.

    Args:
        problem: the rows.
        linear: the rows linearised near their maximum.
        odd: variance that rows have for themselves besides, (n,).
        start: from which the search begins: usually what was learnt before.
        default: sizes of the scatter to which they are held.
    """
    rows = _subset(problem)
    if len(rows) < FEWEST_ROWS:
        return start
    components = _components(problem, linear, rows, default)
    residual = problem.number[rows] - linear.mean[rows] + linear.latent[rows] @ linear.at
    factors = _factors_of(start, components, default)
    firmness, low, high = (np.array([getattr(b, key) for _, b, _ in components]) for key in ("firmness", "low", "high"))
    # Everything is symmetric: only what is on and below the diagonal is kept, in one row for each component.
    below = np.flatnonzero(np.tri(len(rows), dtype=np.bool_))
    row, column = np.divmod(below, len(rows))
    counts = np.where(row == column, 1.0, 2.0)
    flat = np.array([part.ravel()[below] for _, _, part in components])
    on_diagonal = np.flatnonzero(row == column)
    whole = np.zeros((len(rows), len(rows)))
    for _ in range(ROUNDS):
        of_all = factors @ flat
        of_all[on_diagonal] += odd[rows]
        whole.ravel()[below] = of_all
        precision = _inverse(whole)
        pulled = precision @ residual
        asked = np.column_stack([counts * pulled[row] * pulled[column], counts * precision.ravel()[below]])
        used, due = (flat @ asked).T
        factors = factors * np.sqrt((used + firmness / factors**2) / (due + firmness / factors))
        factors = np.clip(factors, low, high)
    known = _known(problem, linear, rows, precision, (components, factors, default))
    return replace(_sizes_of(factors, components, default), known=known)


def _inverse(below: Floats) -> Floats:
    """Inverse of a positive definite matrix of which what is on and below the diagonal is given."""
    root, failed = dpotrf(below, lower=1)
    if failed:
        raise np.linalg.LinAlgError(f"covariance of {len(below)} data is not positive definite (row {failed})")
    inverse, _ = dpotri(root, lower=1)
    inverse = np.tril(inverse)
    return np.asarray(inverse + np.tril(inverse, -1).T)


def _known(
    problem: Problem,
    linear: Linear,
    rows: npt.NDArray[np.int64],
    precision: Floats,
    learnt: tuple[list[tuple[str, Belonging, Floats]], Floats, Noise],
) -> CouponKnown:
    """How much the data say of a coupon's own parts: Fisher's information of the logarithms of the variances.

    A variance that is seen in k independent values has the information k/2. What misfit or parameters may have done as well
    counts for less.
    """
    components, factors, default = learnt
    coupon = problem.evidence.coupon[problem.evidence.row_site[rows]]
    of_coupon = (coupon[:, None] == np.unique(coupon)).astype(float)
    said, k = {}, len(default.misfit)
    for observable in range(k):
        said[observable] = linear.weights[rows, observable] * np.sqrt(default.coupon[observable, observable])
    said[k] = default.iodide_fraction * linear.iodide[rows]
    names = {group[0]: f"coupon {name}" for name, group in _groups(default).items()} | {k: "composition"}
    data, most = np.empty((2, len(said)))
    for (name, belonging, _), factor in zip(components, factors, strict=True):
        for part in (part for part, its in names.items() if its == name):
            root = said[part][:, None] * of_coupon
            information = factor * (root.T @ precision @ root)
            data[part] = belonging.firmness + float((information**2).sum())
            most[part] = belonging.high / factor
    return CouponKnown(data, most)


def _factors_of(sizes: Sizes, components: list[tuple[str, Belonging, Floats]], default: Noise) -> Floats:
    first = {name: group[0] for name, group in _groups(default).items()}
    known = {
        "composition": (sizes.noise.iodide_fraction / default.iodide_fraction) ** 2,
        "energy": (sizes.noise.ln_energy / default.ln_energy) ** 2,
        "latents": sizes.widening**2,
    }
    for name, o in first.items():
        known[f"misfit {name}"] = (sizes.amplitude[o] / default.misfit[o]) ** 2
        known[f"furnace {name}"] = (sizes.furnace[o] / default.furnace[o]) ** 2
        known[f"coupon {name}"] = sizes.noise.coupon[o, o] / default.coupon[o, o]
        known[f"analysis {name}"] = (sizes.noise.analysis[o] / default.analysis[o]) ** 2
        known[f"site {name}"] = sizes.noise.site[o, o] / default.site[o, o]
    return np.array([np.clip(known[name], belonging.low, belonging.high) for name, belonging, _ in components])


def _sizes_of(factors: Floats, components: list[tuple[str, Belonging, Floats]], default: Noise) -> Sizes:
    by_name = dict(zip((name for name, _, _ in components), factors, strict=True))

    def scale(kind: str) -> Floats:
        out = np.empty(len(default.misfit))
        for name, group in _groups(default).items():
            out[list(group)] = np.sqrt(by_name[f"{kind} {name}"])
        return out

    coupon, site = scale("coupon"), scale("site")
    noise = replace(
        default,
        ln_energy=default.ln_energy * float(np.sqrt(by_name["energy"])),
        iodide_fraction=default.iodide_fraction * float(np.sqrt(by_name["composition"])),
        coupon=default.coupon * np.outer(coupon, coupon),
        site=default.site * np.outer(site, site),
        analysis=default.analysis * scale("analysis"),
    )
    return Sizes(
        default.misfit * scale("misfit"), default.furnace * scale("furnace"), noise, float(np.sqrt(by_name["latents"]))
    )
