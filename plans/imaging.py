"""Pictures by daylight and under ultraviolet light: of sites, and of a whole coupon in tiles that overlap.

Duration: darks and flats, some seconds; then per shot its light and filter, and per tile travel + exposure_s + read-out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final, Literal

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import MsgGenerator
from pydantic import Field

from beamline.recipe import as_plain, quantity
from devices import Bench, Camera
from plans.documents import event_of, registered_metadata
from plans.experiment import Experiment, ExperimentRefusedError, checked
from plans.order import boustrophedon, short_order
from plans.write import load_on_stage

__all__ = ["DAYLIGHT", "THROUGH_645", "ULTRAVIOLET", "Shot", "image_coupon", "image_sites", "imaging_run"]

N_CALIBRATION: Final = 4
"""Darks of each exposure, and flats: their noise is in every picture."""
BESIDE_MM: Final = 0.5
"""Free way between a coupon's left edge and the picture of the light alone."""
READ_OUT_S: Final = 0.02
SHOWN: Final = 5

Depth = Annotated[float, quantity("mm", "below the surface, that is in focus", ge=0, le=2)]


@dataclass(frozen=True)
class Shot:
    """How a picture is taken.

    Attributes:
        illumination: which light.
        filter: before the camera, by its name there.
        exposure_s: of the picture.
        gain: factor on the counts.
    """

    illumination: Literal["white", "uv_365nm"] = "white"
    filter: str = "none"
    exposure_s: float = 0.01
    gain: float = 1.0


DAYLIGHT: Final = Shot()
ULTRAVIOLET: Final = Shot("uv_365nm", exposure_s=0.5)
THROUGH_645: Final = Shot("uv_365nm", "long_pass_645", exposure_s=1.0)

Shots = Annotated[Sequence[Shot], Field(min_length=1)]
Place = tuple[float, float]


@checked
def image_sites(
    experiment: Experiment,
    places_mm: Mapping[str, Place],
    *,
    shots: Shots = (DAYLIGHT, ULTRAVIOLET),
    depth_mm: Depth = 0.2,
) -> MsgGenerator[str]:
    """One run, `purpose="imaging"`: streams `dark`, `flat` and `pictures`, in which an event is a place in a light.

    Args:
        experiment: whose coupon is looked at.
        places_mm: what is to be in the middle of each picture, by name.
        shots: the lights, filters and exposures.
        depth_mm: that is in focus.

    Returns:
        uid of the run; `beamline.experiments.photographs_of` reads it.

    Raises:
        ExperimentRefusedError: at the call, for a place outside the coupon or a light, filter or exposure that there is not.
        RefusedError: the instrument has no camera.
    """
    coupon = experiment.coupon
    outside = [n for n, (x, y) in places_mm.items() if not (0 <= x <= coupon.width_mm and 0 <= y <= coupon.height_mm)]
    if outside or not places_mm:
        size = f"{coupon.width_mm:g} x {coupon.height_mm:g} mm"
        wrong = f"{outside} outside the coupon of {size}" if outside else "no places are given; give at least one"
        raise ExperimentRefusedError(f"image_sites: {wrong}; nothing has moved")
    names = list(places_mm)
    ordered = {names[i]: places_mm[names[i]] for i in short_order(list(places_mm.values()))}
    parameters = {"places_mm": {name: list(place) for name, place in ordered.items()}}
    return imaging_run(experiment, "image_sites", ordered, shots, depth_mm=depth_mm, parameters=parameters)


@checked
def image_coupon(
    experiment: Experiment,
    corner_mm: Place = (0.0, 0.0),
    far_mm: Place | None = None,
    *,
    shots: Shots = (DAYLIGHT, ULTRAVIOLET),
    overlap: Annotated[float, quantity("1", "share of a tile that the next one shows too", ge=0, le=0.5)] = 0.1,
    depth_mm: Depth = 0.2,
) -> MsgGenerator[str]:
    """The same in tiles that overlap; `site_name` is the tile's, `t<row>-<column>` from the lower left one on.

    Args:
        experiment: whose coupon is looked at.
        corner_mm: lower left corner of what is to be seen.
        far_mm: upper right corner; None: the coupon's.
        shots: the lights, filters and exposures.
        overlap: of two tiles.
        depth_mm: that is in focus.

    Returns:
        uid of the run; `beamline.experiments.overviews_of` puts it together.

    Raises:
        ExperimentRefusedError: at the call, for an area outside the coupon, or what `image_sites` refuses.
        RefusedError: the instrument has no camera.
    """
    coupon, camera = experiment.coupon, experiment.bench.need_camera()
    far_mm = far_mm if far_mm is not None else (coupon.width_mm, coupon.height_mm)
    if not (0 <= corner_mm[0] < far_mm[0] <= coupon.width_mm and 0 <= corner_mm[1] < far_mm[1] <= coupon.height_mm):
        raise ExperimentRefusedError(
            f"image_coupon: from {corner_mm} to {far_mm} mm; allowed is an area of the coupon, which has "
            f"{coupon.width_mm:g} x {coupon.height_mm:g} mm; nothing has moved"
        )
    columns, rows = (
        _middles(low, high, size, overlap, 1e-3 * camera.pixel_size_um.get())
        for low, high, size in zip(corner_mm, far_mm, _field_mm(camera), strict=True)
    )
    places = {f"t{j}-{i}": (columns[i], rows[j]) for i, j in boustrophedon(len(columns), len(rows))}
    parameters = {"corner_mm": list(corner_mm), "far_mm": list(far_mm), "overlap": overlap}
    return imaging_run(experiment, "image_coupon", places, shots, depth_mm=depth_mm, parameters=parameters)


def _field_mm(camera: Camera) -> Place:
    """Width and height of a picture."""
    rows, columns, _ = camera.image.get().shape
    side_mm = 1e-3 * camera.pixel_size_um.get()
    return columns * side_mm, rows * side_mm


def _middles(low: float, high: float, size: float, overlap: float, pixel_mm: float) -> list[float]:
    """Middles of the tiles along one axis, whole pixels apart, so that they fit on each other."""
    step = max(1, math.floor(size * (1.0 - overlap) / pixel_mm)) * pixel_mm
    n = 1 + max(0, math.ceil((high - low - size) / step - 1e-9))
    first = 0.5 * (low + high - (n - 1) * step)
    return [first + i * step for i in range(n)]


def _wrong(experiment: Experiment, places: Mapping[str, tuple[Place, float]], shots: Sequence[Shot]) -> list[str]:
    """What cannot be done, in words."""
    bench, camera = experiment.bench, experiment.bench.need_camera()
    limits, found = bench.geometry.limits, []
    for shot in shots:
        for what, chosen, among in (
            ("light", shot.illumination, camera.driver.illuminations),
            ("filter", shot.filter, camera.driver.filters),
        ):
            if chosen not in among:
                found.append(f"no {what} {chosen!r}; there are {list(among)}")
        for what, number, (low, high), unit in (
            ("exposure", shot.exposure_s, limits.camera_exposure_s, "s"),
            ("gain", shot.gain, limits.camera_gain, "1"),
        ):
            if not low <= number <= high:
                found.append(f"{what} {number:g} {unit}, allowed are {low:g} to {high:g} {unit}")
    for name, (place, depth_mm) in places.items():
        stage_mm = bench.geometry.under_camera(*place, depth_mm)
        for axis, at_mm, (low, high) in zip("xyz", stage_mm, (limits.x_mm, limits.y_mm, limits.z_mm), strict=True):
            if not low <= at_mm <= high:
                found.append(f"{name}: stage {axis} {at_mm:g} mm, allowed are {low:g} to {high:g} mm")
    return found


def imaging_run(
    experiment: Experiment,
    name: str,
    places: Mapping[str, Place],
    shots: Sequence[Shot],
    *,
    depth_mm: float,
    parameters: dict[str, Any],
    depths_mm: Mapping[str, float] | None = None,
) -> MsgGenerator[str]:
    """The plan of pictures of places, once all about it is allowed.

    Args:
        experiment: whose coupon is looked at.
        name: of the experiment.
        places: what is to be in the middle of each picture, by name, in the order in which they are gone to.
        shots: the lights, filters and exposures.
        depth_mm: that is in focus.
        parameters: as the plan was given them, for the record.
        depths_mm: by name of the place, where they are not all the same.

    Returns:
        uid of the run.

    Raises:
        ExperimentRefusedError: at the call, for a place out of reach, or a light, filter or exposure that there is not.
        RefusedError: the instrument has no camera.
    """
    bench, coupon, geometry = experiment.bench, experiment.coupon, experiment.bench.geometry
    camera = bench.need_camera()
    camera.require("illumination", purpose="pictures with darks")
    beside = -0.5 * _field_mm(camera)[0] - BESIDE_MM, 0.5 * coupon.height_mm
    depths = {site: (depths_mm or {}).get(site, depth_mm) for site in places}
    reached = {site: (place, depths[site]) for site, place in places.items()}
    if wrong := _wrong(experiment, {**reached, "the light alone": (beside, depth_mm)}, shots):
        raise ExperimentRefusedError(f"{name}: {'; '.join(wrong[:SHOWN])}; nothing has moved")
    rest_s = experiment.times.settle_s + _field_mm(camera)[0] / experiment.times.travel_mm_s
    corner = geometry.under_camera(0.0, 0.0, depth_mm)
    about = {
        "name": name,
        "parameters": {**parameters, "shots": [asdict(shot) for shot in shots], "depth_mm": depth_mm},
        "estimated_s": 10.0 + sum(len(places) * (shot.exposure_s + READ_OUT_S + rest_s) for shot in shots),
    }

    def look() -> MsgGenerator[None]:
        yield from _calibrate(bench, shots, beside, depth_mm)
        for shot in shots:
            yield from bps.mv(camera.illumination, shot.illumination, camera.filter, shot.filter)
            for site, place in places.items():
                yield from bps.mv(bench.site_name, site)
                yield from _go(bench, place, depths[site])
                yield from _take(bench, "pictures", shot)
                yield from bps.checkpoint()

    def dark() -> MsgGenerator[None]:
        yield from bps.mv(camera.illumination, "off")

    def plan() -> MsgGenerator[str]:
        yield from load_on_stage(bench, coupon.serial)
        uid = yield from bps.open_run(
            {
                **experiment.label.metadata("imaging", bench.clock.now_s),
                "coupon": as_plain(coupon),
                "experiment": about,
                "coupon_corner_mm": [corner[0], corner[1]],
                "placement": bench.changer.placement,
                **registered_metadata(bench),
            }
        )
        yield from bpp.finalize_wrapper(look(), dark)
        yield from bps.close_run()
        return str(uid)

    return plan()


def _go(bench: Bench, place: Place, depth_mm: float) -> MsgGenerator[None]:
    x_mm, y_mm, z_mm = bench.geometry.under_camera(*place, depth_mm)
    yield from bps.mv(bench.stage.x_mm, x_mm, bench.stage.y_mm, y_mm, bench.stage.z_mm, z_mm)


def _take(bench: Bench, stream: str, shot: Shot, *, n: int = 1) -> MsgGenerator[None]:
    camera = bench.need_camera()
    yield from bps.mv(camera.exposure_s, shot.exposure_s, camera.gain, shot.gain)
    for _ in range(n):
        yield from bps.trigger(camera, wait=True)
        yield from event_of(stream, bench.clock_s, bench.site_name, camera, bench.stage)


def _calibrate(bench: Bench, shots: Sequence[Shot], beside_mm: Place, depth_mm: float) -> MsgGenerator[None]:
    """Darks of each exposure and gain, and flats of the white light where there is no glass."""
    camera = bench.need_camera()
    yield from bps.mv(bench.site_name, "", camera.illumination, "off", camera.filter, camera.driver.filters[0])
    for shot in {(one.exposure_s, one.gain): one for one in (DAYLIGHT, *shots)}.values():
        yield from _take(bench, "dark", shot, n=N_CALIBRATION)
    yield from _go(bench, beside_mm, depth_mm)
    yield from bps.mv(camera.illumination, "white")
    yield from _take(bench, "flat", DAYLIGHT, n=N_CALIBRATION)
