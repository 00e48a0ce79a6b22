"""Observations as arrays: where the sites are in the space of conditions, and what was learnt there.

Observations are ordered by coupon (in order of arrival) and by site name within a coupon, so that their order within a
coupon cannot matter; one that arrives twice counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beamline.optimize.observables import N_OBSERVABLES, Datum, Known, data_of
from beamline.recipe import Dot, HeatStep, Line, Observation

__all__ = ["Evidence", "Sites", "coarse_history", "gather", "group_by_coupon", "padded_steps"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sites:
    """Conditions of m sites.

    Attributes:
        writings: m writings.
        iodide_fraction: of the glass as batched, (m,).
        power_at_sample_W: measured, (m,); 0 where it was not.
        steps: heat history as [temperature degC, duration s], (m, k, 2), padded with steps of no duration.
    """

    writings: tuple[Dot | Line, ...]
    iodide_fraction: Floats
    power_at_sample_W: Floats
    steps: Floats

    def __len__(self) -> int:
        return len(self.writings)

    def take(self, which: Sequence[int] | Ints) -> Sites:
        """Some of the sites."""
        chosen = np.asarray(which, dtype=np.int64)
        writings = tuple(self.writings[i] for i in chosen)
        return Sites(writings, self.iodide_fraction[chosen], self.power_at_sample_W[chosen], self.steps[chosen])


@dataclass(frozen=True)
class Evidence:
    """What was learnt at m sites, as n rows, one a datum.

    Attributes:
        observations: the m observations that said something, in order; failed instruments are left out.
        sites: their conditions.
        coupon: number of the coupon of each site, (m,).
        place: number of the place of each site; two measurements of one place share it, (m,).
        row_site: site of each row, (n,).
        row_weights: how a row's quantity is made of the four observables, (n, 4); rows of all light are zeros.
        row_is_total: rows that speak of all light, (n,).
        known: what each row's number is.
        number: values or limits, (n,).
        sd: one sigma, (n,).
    """

    observations: tuple[Observation, ...]
    sites: Sites
    coupon: Ints
    place: Ints
    row_site: Ints
    row_weights: Floats
    row_is_total: npt.NDArray[np.bool_]
    known: tuple[Known, ...]
    number: Floats
    sd: Floats

    @property
    def n_rows(self) -> int:
        """Number of data."""
        return len(self.number)

    @property
    def n_observables(self) -> int:
        """Number of the observables that are modelled."""
        return int(self.row_weights.shape[1])

    @property
    def n_coupons(self) -> int:
        """Number of coupons with data."""
        return int(self.coupon.max()) + 1 if len(self.coupon) else 0


def group_by_coupon(observations: Iterable[Observation]) -> tuple[tuple[Observation, ...], ...]:
    """Observations by coupon in order of arrival, within a coupon by site name and content, each once."""
    groups: dict[str, dict[str, Observation]] = {}
    for observation in observations:
        groups.setdefault(observation.site.coupon, {})[observation.to_json()] = observation
    return tuple(
        tuple(found for _, found in sorted(group.items(), key=lambda item: (item[1].site.name, item[0])))
        for group in groups.values()
    )


def coarse_history(history: Sequence[HeatStep]) -> tuple[HeatStep, ...]:
    """A measured heat history in fewer steps: neighbours of about the same temperature become one.

    Rates are Arrhenius, so what counts as the same is 4 degC at the top of the history and a fifth of the distance from
    the top below it: at 1.3 eV and 550 degC a step of 4 degC moves a rate by 4 %, about its mean, on both sides.
    """
    if not history:
        return ()
    top_C = max(step.temperature_C for step in history)
    merged: list[HeatStep] = []
    heat = duration_s = 0.0
    low_C = high_C = history[0].temperature_C
    for step in history:
        span_C = max(high_C, step.temperature_C) - min(low_C, step.temperature_C)
        if duration_s > 0 and span_C > 4.0 + 0.2 * (top_C - step.temperature_C):
            merged.append(HeatStep(temperature_C=heat / duration_s, duration_s=duration_s))
            heat = duration_s = 0.0
            low_C = high_C = step.temperature_C
        low_C, high_C = min(low_C, step.temperature_C), max(high_C, step.temperature_C)
        heat += step.temperature_C * step.duration_s
        duration_s += step.duration_s
    if duration_s > 0:
        merged.append(HeatStep(temperature_C=heat / duration_s, duration_s=duration_s))
    return tuple(merged)


def padded_steps(histories: Sequence[Sequence[HeatStep]]) -> Floats:
    """Heat histories as [temperature degC, duration s], padded with steps of no duration: (n, k, 2)."""
    longest = max((len(history) for history in histories), default=0) or 1
    steps = np.zeros((len(histories), longest, 2))
    steps[:, :, 0] = 25.0
    for i, history in enumerate(histories):
        for j, step in enumerate(history):
            steps[i, j] = step.temperature_C, step.duration_s
    return steps


def _weights(datum: Datum, n_observables: int) -> Floats:
    row = np.zeros(n_observables)
    if datum.observable is not None:
        row[datum.observable] = 1.0
    return row


def gather(groups: Sequence[Sequence[Observation]], n_observables: int = N_OBSERVABLES) -> Evidence:
    """Arrays of all observations of some coupons (`group_by_coupon`), of the observables that are modelled."""
    told = [(n, seen, data_of(seen, n_observables)) for n, group in enumerate(groups) for seen in group]
    told = [item for item in told if item[2]]
    renumbered = {n: i for i, n in enumerate(dict.fromkeys(n for n, _, _ in told))}
    histories = {seen.heat_history: coarse_history(seen.heat_history) for _, seen, _ in told}
    places = {key: i for i, key in enumerate(dict.fromkeys((seen.site.coupon, seen.site.name) for _, seen, _ in told))}
    rows = [(i, datum) for i, (_, _, data) in enumerate(told) for datum in data]
    return Evidence(
        observations=tuple(seen for _, seen, _ in told),
        sites=Sites(
            writings=tuple(seen.writing for _, seen, _ in told),
            iodide_fraction=np.array([seen.glass.iodide_fraction for _, seen, _ in told], dtype=float),
            power_at_sample_W=np.array([seen.power_at_sample_W or 0.0 for _, seen, _ in told], dtype=float),
            steps=padded_steps([histories[seen.heat_history] for _, seen, _ in told]),
        ),
        coupon=np.array([renumbered[n] for n, _, _ in told], dtype=np.int64),
        place=np.array([places[seen.site.coupon, seen.site.name] for _, seen, _ in told], dtype=np.int64),
        row_site=np.array([i for i, _ in rows], dtype=np.int64),
        row_weights=np.array([_weights(datum, n_observables) for _, datum in rows]).reshape(-1, n_observables),
        row_is_total=np.array([datum.observable is None for _, datum in rows], dtype=np.bool_),
        known=tuple(datum.known for _, datum in rows),
        number=np.array([datum.number for _, datum in rows], dtype=float),
        sd=np.array([datum.sd for _, datum in rows], dtype=float),
    )
