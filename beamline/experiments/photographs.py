"""Pictures of a run, dark and flat taken out, at their places on the coupon; and the tiles of a coupon as one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beamline.analysis import encoded, flat_fielded, stitch
from beamline.records import RecordError, Run, turned_back

__all__ = ["Photograph", "overviews_of", "photographs_of"]

Floats = NDArray[np.float64]
BRIGHT_PERCENTILE, LIT = 99.5, 0.02
"""Of the pixels that are lit under ultraviolet light (this share of the brightest and above), which is shown at full
brightness."""


@dataclass(frozen=True, eq=False)
class Photograph:
    """A picture at its place on the coupon.

    Attributes:
        rates: counts/s at gain 1, linear sRGB, shape (rows, columns, 3); NaN where nothing was seen.
        x_mm: middle of column 0 on the coupon.
        y_mm: middle of row 0, the uppermost.
        pixel_mm: side of a pixel.
        illumination: under which it was taken.
        filter: through which.
        white_rate: rates of the white light with nothing in its way, shape (3,).
        n_saturated: pixels that were full in at least one colour; of an overview, of all tiles.
    """

    rates: Floats
    x_mm: float
    y_mm: float
    pixel_mm: float
    illumination: str
    filter: str
    white_rate: Floats
    n_saturated: int

    @property
    def extent_mm(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top edge on the coupon."""
        rows, columns = self.rates.shape[:2]
        left, top = self.x_mm - 0.5 * self.pixel_mm, self.y_mm + 0.5 * self.pixel_mm
        return left, left + columns * self.pixel_mm, top - rows * self.pixel_mm, top

    def transmission(self) -> Floats:
        """Of a picture by white light: share that comes through, shape as `rates`."""
        return np.asarray(self.rates / self.white_rate)

    def srgb8(self) -> NDArray[np.uint8]:
        """As a screen shows it, shape (rows, columns, 3).

        White light alone is just white, whatever the filter; ultraviolet light has no such measure: its brightest half a
        percent is shown at full brightness.
        """
        if self.illumination == "white":
            shown = self.transmission()
        else:
            light = np.nan_to_num(self.rates).max(axis=2)
            brightest = float(np.percentile(light[light >= LIT * light.max()], BRIGHT_PERCENTILE))
            shown = self.rates / max(brightest, 1e-12)
        return np.asarray(np.rint(255.0 * encoded(np.nan_to_num(shown))), dtype=np.uint8)


def photographs_of(run: Run) -> dict[tuple[str, str, str], Photograph]:
    """The pictures of a run, by name of the place, light and filter.

    Raises:
        RecordError: the run holds no pictures, or lacks a dark or the flat.
    """
    if run.start.get("purpose") != "imaging" or "pictures" not in run.streams:
        raise RecordError(f"run {run.uid} holds no pictures: its purpose is {run.start.get('purpose')}")
    if missing := {"dark", "flat"} - set(run.streams):
        raise RecordError(f"run {run.uid} has pictures and no {', '.join(sorted(missing))}")
    table, darks, flats, config = run.table("pictures"), run.table("dark"), run.table("flat"), run.config("pictures")
    even = np.asarray(flats["camera_image"], dtype=float).mean(axis=0)
    flat_s, flat_gain = float(flats["camera_exposure_s"][0]), float(flats["camera_gain"][0])
    even_dark = _dark(run, darks, flat_s, flat_gain)
    white_rate = (even - even_dark).mean(axis=(0, 1)) / (flat_s * flat_gain)
    pixel_mm = 1e-3 * float(config["camera_pixel_size_um"])
    corner_x, corner_y = run.start["coupon_corner_mm"]
    found = {}
    dark_of: dict[tuple[float, float], Floats] = {}
    for i, name in enumerate(table["site_name"].tolist()):
        exposure_s, gain = float(table["camera_exposure_s"][i]), float(table["camera_gain"][i])
        if (exposure_s, gain) not in dark_of:
            dark_of[exposure_s, gain] = _dark(run, darks, exposure_s, gain)
        light = flat_fielded(table["camera_image"][i], dark_of[exposure_s, gain], even, even_dark)
        rows, columns = light.shape[:2]
        x_mm, y_mm = turned_back(run.start, table["stage_x_mm"][i] - corner_x, table["stage_y_mm"][i] - corner_y)
        illumination, through = str(table["camera_illumination"][i]), str(table["camera_filter"][i])
        found[str(name), illumination, through] = Photograph(
            rates=light / (exposure_s * gain),
            x_mm=float(x_mm) - 0.5 * (columns - 1) * pixel_mm,
            y_mm=float(y_mm) + 0.5 * (rows - 1) * pixel_mm,
            pixel_mm=pixel_mm,
            illumination=illumination,
            filter=through,
            white_rate=white_rate,
            n_saturated=int(table["camera_n_saturated"][i]),
        )
    return found


def overviews_of(run: Run) -> dict[tuple[str, str], Photograph]:
    """All pictures of a run in one, by light and filter; tiles are put where the stage says, to the nearest pixel.

    Raises:
        RecordError: as of `photographs_of`.
    """
    by_light: dict[tuple[str, str], list[Photograph]] = {}
    for (_, illumination, through), one in photographs_of(run).items():
        by_light.setdefault((illumination, through), []).append(one)
    return {light: _together(tiles) for light, tiles in by_light.items()}


def _together(tiles: list[Photograph]) -> Photograph:
    first = tiles[0]
    left, top = min(one.x_mm for one in tiles), max(one.y_mm for one in tiles)
    corners = [(round((top - one.y_mm) / one.pixel_mm), round((one.x_mm - left) / one.pixel_mm)) for one in tiles]
    return Photograph(
        rates=stitch([one.rates for one in tiles], corners),
        x_mm=left,
        y_mm=top,
        pixel_mm=first.pixel_mm,
        illumination=first.illumination,
        filter=first.filter,
        white_rate=first.white_rate,
        n_saturated=sum(one.n_saturated for one in tiles),
    )


def _dark(run: Run, darks: Any, exposure_s: float, gain: float) -> Floats:
    """Mean dark picture of an exposure and a gain."""
    alike = np.isclose(darks["camera_exposure_s"], exposure_s) & np.isclose(darks["camera_gain"], gain)
    if not alike.any():
        raise RecordError(f"run {run.uid} has no dark picture of {exposure_s:g} s at gain {gain:g}")
    return np.asarray(np.asarray(darks["camera_image"], dtype=float)[alike].mean(axis=0))
