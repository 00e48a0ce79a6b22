"""What the plans of single experiments share, all of it before anything moves.

Parameters are checked at the call, places against the coupon and what is on it; a way that is short; the time it will take.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ParamSpec, TypeVar, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from beamline.campaign import InstrumentTimes
from beamline.recipe import Coupon, Dot, HeatTreatment, Line, Recipe, Site
from beamline.records import Footprint, KeepOut, Ledger, Records, refusals
from devices import Bench
from devices.errors import RefusedError
from plans.documents import CouponInHand, NightLabel
from plans.order import short_order

__all__ = ["Experiment", "ExperimentRefusedError", "checked", "estimate_writing_s", "writing_begins_s"]

P = ParamSpec("P")
R = TypeVar("R")

SHOWN = 5
"""Refusals that a message lists; the rest are counted."""


class ExperimentRefusedError(RefusedError):
    """An experiment that cannot be done as asked; nothing has moved.

    To do: change the parameter that it names to what it allows.
    """


def checked(plan: Callable[P, R]) -> Callable[P, R]:
    """Check the annotated parameters of a plan when it is called, and not when the engine begins to run it.

    Raises:
        ExperimentRefusedError: from the call; it names the plan, the parameter, what was given, and what is allowed.
    """
    hints = get_type_hints(plan, include_extras=True)
    adapters = {name: TypeAdapter(hint) for name, hint in hints.items() if name != "return" and _has_bounds(hint)}
    signature = inspect.signature(plan)

    @functools.wraps(plan)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        for name, adapter in adapters.items():
            try:
                bound.arguments[name] = adapter.validate_python(bound.arguments[name])
            except ValidationError as error:
                first = error.errors()[0]
                where = "".join(f"[{part}]" for part in first["loc"])
                unit = _unit(hints[name])
                raise ExperimentRefusedError(
                    f"{plan.__name__}: {name}{where} = {first['input']!r} {unit}: {first['msg']}; nothing has moved"
                ) from error
        return plan(*bound.args, **bound.kwargs)

    return call


def _fields(hint: Any) -> list[FieldInfo]:
    found = (
        [extra for extra in get_args(hint)[1:] if isinstance(extra, FieldInfo)] if get_origin(hint) is Annotated else []
    )
    return found + [info for part in get_args(hint) if get_args(part) for info in _fields(part)]


def _has_bounds(hint: Any) -> bool:
    return bool(_fields(hint))


def _unit(hint: Any) -> str:
    units = [
        extra.json_schema_extra.get("unit") for extra in _fields(hint) if isinstance(extra.json_schema_extra, dict)
    ]
    return str(units[0]) if units else ""


def estimate_writing_s(sites: Sequence[Site], recipes: Mapping[str, Recipe], times: InstrumentTimes) -> float:
    """Travel, attenuator and exposure of sites in their order, s."""
    return writing_begins_s(sites, recipes, times)[-1]


def writing_begins_s(sites: Sequence[Site], recipes: Mapping[str, Recipe], times: InstrumentTimes) -> list[float]:
    """When the light of each site begins, in their order, s from the first move on; and last, when all of it ends."""
    found: list[float] = []
    total_s = 0.0
    here: tuple[float, float] | None = None
    for site in sites:
        writing = recipes[site.name].writing
        half_mm = writing.length_mm / 2 if isinstance(writing, Line) else 0.0
        begin = (site.x_mm - half_mm, site.y_mm)
        if here is not None:
            # the axes move at the same time, so the longer way counts
            total_s += max(abs(begin[0] - here[0]), abs(begin[1] - here[1])) / times.travel_mm_s
        total_s += times.settle_s + times.attenuator_s
        found.append(total_s)
        if isinstance(writing, Line):
            total_s += writing.n_passes * writing.length_mm / writing.speed_mm_s
            total_s += (writing.n_passes - 1) * (writing.length_mm / times.travel_mm_s + times.settle_s)
            here = (site.x_mm + half_mm, site.y_mm)
        else:
            total_s += writing.n_passes * writing.exposure_s
            here = begin
    return [*found, total_s]


@dataclass(frozen=True)
class Experiment:
    """Where and for whom an experiment is done.

    Attributes:
        bench: the devices.
        records: in which the past of the coupon stands.
        label: of the runs.
        coupon: on which it is done.
        keep_out: distances that are kept.
        times: of the instrument, for estimates.
        is_own_past: only runs of this label count as the coupon's past: a simulated bench makes its coupons anew.
    """

    bench: Bench
    records: Records
    label: NightLabel
    coupon: Coupon
    keep_out: KeepOut = field(default_factory=lambda: KeepOut(spacing_mm=0.3, margin_mm=1.0))
    times: InstrumentTimes = field(default_factory=InstrumentTimes)
    is_own_past: bool = False

    def on(self, bench: Bench) -> Experiment:
        """The same on a bench that knows how the coupon lies."""
        return replace(self, bench=bench)

    def ledger(self) -> Ledger:
        """What has happened to the coupon."""
        scope: dict[str, Any] = {"campaign": self.label.campaign_uid} if self.is_own_past else {}
        return Ledger.of(self.records.runs(coupon=self.coupon.serial, **scope))

    def place(
        self,
        name: str,
        writings: Mapping[str, tuple[float, float, Dot | Line]],
        *,
        parameters: Mapping[str, Any],
        further_s: float = 0.0,
        treatment: HeatTreatment | None = None,
        is_rewriting: bool = False,
        keep_out: KeepOut | None = None,
    ) -> CouponInHand:
        """The coupon in hand with sites along a short way, once everything about them is allowed.

        Args:
            name: of the experiment.
            writings: x and y (mm) and writing by the name of the site.
            parameters: as the plan was given them, for the record.
            further_s: what the plan takes beyond writing.
            treatment: heat treatment that the sites share.
            is_rewriting: the sites are written already, and a further pass goes over them.
            keep_out: instead of the experiment's own.

        Raises:
            ExperimentRefusedError: a site outside the coupon or the reach of the stage, in a keep-out, occupied, or with a
                setting above the limits of the bench; it lists what is wrong.
        """
        sites = {
            n: Site(coupon=self.coupon.serial, name=n, x_mm=round(x, 6), y_mm=round(y, 6))
            for n, (x, y, _) in writings.items()
        }
        recipes = {n: Recipe(writing=writing, heat_treatment=treatment) for n, (_, _, writing) in writings.items()}
        wrong = self._wrong(sites, recipes, is_rewriting=is_rewriting, keep_out=keep_out or self.keep_out)
        if wrong:
            more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
            raise ExperimentRefusedError(f"{name}: {'; '.join(wrong[:SHOWN])}{more}; nothing has moved")
        names = list(sites)
        starts = [(Footprint.of(sites[n], recipes[n]).left_mm, sites[n].y_mm) for n in names]
        ordered = [names[i] for i in short_order(starts)]
        in_order = {n: sites[n] for n in ordered}
        estimated_s = estimate_writing_s(list(in_order.values()), recipes, self.times) + further_s
        return CouponInHand(
            label=self.label,
            coupon=self.coupon,
            n_coupon=1,
            suggestion_id=name,
            sites=in_order,
            recipes={n: recipes[n] for n in ordered},
            experiment={"name": name, "parameters": dict(parameters), "estimated_s": estimated_s},
        )

    def _wrong(
        self, sites: dict[str, Site], recipes: dict[str, Recipe], *, is_rewriting: bool, keep_out: KeepOut
    ) -> list[str]:
        limits, geometry = self.bench.geometry.limits, self.bench.geometry
        found: list[str] = []
        for name, site in sites.items():
            writing = recipes[name].writing
            z_mm = geometry.under_laser(0, 0, writing.depth_mm)[2]
            asked = [
                ("pulse energy", writing.pulse_energy_uJ, limits.pulse_energy_uJ, "uJ"),
                ("repetition rate", writing.repetition_rate_kHz, limits.repetition_rate_kHz, "kHz"),
                ("stage z of the focus", z_mm, limits.z_mm, "mm"),
                ("speed", writing.speed_mm_s, limits.line_speed_mm_s, "mm/s")
                if isinstance(writing, Line)
                else ("exposure", writing.exposure_s, limits.exposure_s, "s"),
            ]
            footprint = Footprint.of(site, recipes[name])
            for x_mm in {footprint.left_mm, footprint.right_mm}:
                for head, place in (
                    ("laser", geometry.under_laser(x_mm, site.y_mm, 0.0)),
                    ("spectrometer", geometry.under_spectrometer(x_mm, site.y_mm)),
                ):
                    asked += [
                        (f"stage {axis} under the {head}", value, limit, "mm")
                        for axis, value, limit in zip("xy", place, (limits.x_mm, limits.y_mm), strict=False)
                    ]
            found += [
                f"{name}: {what} {value:g} {unit}, allowed are {low:g} to {high:g} {unit}"
                for what, value, (low, high), unit in asked
                if not low <= value <= high
            ]
        width, height = self.coupon.width_mm, self.coupon.height_mm
        for name, site in sites.items():
            box = Footprint.of(site, recipes[name])
            if box.left_mm < 0 or box.right_mm > width or not 0 <= site.y_mm <= height:
                found.append(f"{name} lies outside the coupon of {width:g} x {height:g} mm")
        if not found:
            found = refusals(self.ledger(), self.coupon.serial, sites, recipes, keep_out, is_rewriting=is_rewriting)
        return found
