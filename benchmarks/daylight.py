"""Whether a decoder reads a QR code in two colours from pictures of the camera: under ultraviolet light, and by daylight.

`python benchmarks/daylight.py [N]`

One code of version 2 is written on the simulated bench (as the model has it, with noise) and photographed N times (20) in
each light. zxing-cpp gets the picture as a screen shows it, and the means over the modules stretched to black and white: each
colour, their sum, and red less blue, each of them also inverted. "deep" is daylight from the mean of all N pictures.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import zxingcpp
from numpy.typing import NDArray

from beamline.experiments import Photograph, colours_of_cells, grey_image, overviews_of
from beamline.instrument import Instrument
from beamline.patterns import qr_pattern
from beamline.recipe import Line
from beamline.reproduce.desk import COUPONS, LINE, Desk
from beamline.reproduce.pictures import two_clusters
from beamline.session import open_session
from plans import image_coupon, write_pattern

Floats = NDArray[np.float64]
TEXT, CELL_MM = "vitrail 613", 0.5


def ways(cells: Floats) -> Iterator[tuple[str, Floats]]:
    """Grey values of the modules, by name."""
    total = cells.sum(axis=2)
    for name, values in (
        *zip(("red", "green", "blue"), np.moveaxis(cells, 2, 0), strict=True),
        ("sum", total),
        ("red less blue", (cells[..., 0] - cells[..., 2]) / total),
    ):
        yield name, values
        yield f"{name}, inverted", -values


def read_by(picture: Photograph | None, cells: Floats) -> list[str]:
    """The ways by which the code is read."""
    found = [name for name, values in ways(cells) if is_read(grey_image(values))]
    return found + (["as shown"] if picture is not None and is_read(picture.srgb8()) else [])


def is_read(image: NDArray[np.uint8]) -> bool:
    """Whether the decoder finds the text and nothing else."""
    return [one.text for one in zxingcpp.read_barcodes(np.ascontiguousarray(image))] == [TEXT]


def main() -> None:
    """Write, photograph, decode, count."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    pattern = qr_pattern(TEXT, cell_mm=CELL_MM, version=2, dark=1, light=2)
    truth = pattern.cells == 2
    with (
        tempfile.TemporaryDirectory(prefix="vitrail-daylight-") as folder,
        open_session(
            Instrument(), coupons=COUPONS, data=Path(folder), seed=1, unattended=True, catalog=False, nominal=True
        ) as session,
    ):
        bench = Desk(session, "daylight")
        on = bench.on("BrI-code")
        greener = Line(pulse_energy_uJ=200.0, speed_mm_s=1.0)
        (written,) = bench.run(write_pattern(on, pattern, {1: greener, 2: LINE}, margin_mm=0.5))
        about = written.start["experiment"]
        left, low = about["parameters"]["corner_mm"]
        far = left + pattern.width_mm, low + pattern.height_mm
        seen: dict[str, list[Floats]] = {"white": [], "uv_365nm": []}
        read: dict[str, list[list[str]]] = {"white": [], "uv_365nm": []}
        for i in range(n):
            (run,) = bench.run(image_coupon(on, (left, low), far))
            for (light, _), picture in overviews_of(run).items():
                cells = colours_of_cells(picture, about)
                seen[light].append(cells)
                read[light].append(read_by(picture, cells))
            print(
                f"{i + 1}: daylight {read['white'][-1] or 'not read'}; ultraviolet {read['uv_365nm'][-1]}", flush=True
            )
    for light, pictures in seen.items():
        wrong = [np.mean(two_clusters(cells.sum(axis=2)) != truth) for cells in pictures]
        errors = [min(one, 1.0 - one) for one in wrong]
        n_read = sum(bool(one) for one in read[light])
        print(
            f"{light}: read in {n_read} of {n}; modules misread in the sum {np.mean(errors):.3f} (best {min(errors):.3f})"
        )
    print(f"deep: {read_by(None, np.mean(seen['white'], axis=0)) or 'not read'}")


if __name__ == "__main__":
    main()
