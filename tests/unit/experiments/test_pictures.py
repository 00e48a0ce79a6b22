"""A QR code written in two colours on the twin, and read back from a map by a decoder that nobody here wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beamline.analysis import GREEN_MAP, LONG_PASS_645, BandPass
from beamline.experiments import Photograph, colours_of_cells, grey_image, light_of_cells, map_of, overviews_of
from beamline.instrument import Instrument
from beamline.patterns import Pattern, qr_pattern
from beamline.recipe import Coupon, Glass, Line, Measurement
from beamline.session import open_session
from plans import Experiment, NightLabel, image_coupon, pl_map, rewrite, write_pattern

TEXT = "vitrail 613"
GREEN, RED = Line(pulse_energy_uJ=200.0, speed_mm_s=1.0), Line(pulse_energy_uJ=200.0, speed_mm_s=0.4)
BANDS = {"green": GREEN_MAP, "red": BandPass(590.0, 720.0), "645": LONG_PASS_645, "all": BandPass(460.0, 760.0)}


def decoded(values: Any) -> list[str]:
    """What the decoder reads of the cells' values, or of an image of 8 bits, whichever is dark."""
    import zxingcpp

    images = [values] if values.dtype == np.uint8 else [grey_image(values), grey_image(-values)]
    return sorted({one.text for image in images for one in zxingcpp.read_barcodes(np.ascontiguousarray(image))})


def ways(seen: Photograph, about: dict[str, Any]) -> list[Any]:
    """What the decoder is given of a picture: as a screen shows it; by modules each colour, their sum, red less blue."""
    cells = colours_of_cells(seen, about)
    total = cells.sum(axis=2)
    return [seen.srgb8(), *np.moveaxis(cells, 2, 0), total, (cells[..., 0] - cells[..., 2]) / total]


@pytest.mark.timeout(300)
def test_a_code_of_version_2_is_decoded_by_colour_and_after_rewriting_in_red_and_not_by_daylight(
    tmp_path: Path,
) -> None:
    """P33. One module of quiet zone, for each costs a spectrum; benchmarks/daylight.py has the four of the standard."""
    glass = Glass(name="BrI", bromide=1.5, iodide=1.5)
    coupon = Coupon(serial="Q1", glass=glass)
    pattern = qr_pattern(TEXT, cell_mm=0.5, version=2, dark=1, light=2, quiet=1)
    assert pattern.cells.shape == (27, 27)  # 25 modules are version 2
    with open_session(
        Instrument(), coupons=[coupon], data=tmp_path, seed=1, unattended=True, catalog=False, nominal=True
    ) as session:
        experiment = Experiment(session.bench, session.records, NightLabel("qr", "q", {"vitrail": "test"}), coupon)
        session.RE(write_pattern(experiment, pattern, {1: GREEN, 2: RED}, margin_mm=0.5))
        written = session.records.runs()[-1].start["experiment"]
        left, low = written["parameters"]["corner_mm"]
        rows, columns = pattern.cells.shape

        def seen() -> dict[str, Any]:
            settings = Measurement(integration_s=0.05, n_averages=1)
            first = (left + 0.25, low + 0.25)
            session.RE(pl_map(experiment, first, n_x=columns, n_y=rows, step_mm=0.5, measurement=settings))
            return light_of_cells(map_of(session.records.runs()[-1], bands=BANDS), written).rates

        before = seen()
        assert decoded(before["red"] / (before["red"] + before["green"])) == [TEXT]

        far = left + pattern.width_mm, low + pattern.height_mm
        session.RE(image_coupon(experiment, (left, low), far))
        pictures = overviews_of(session.records.runs()[-1])
        by_day, under_uv = (pictures[light, "none"] for light in ("white", "uv_365nm"))
        assert [decoded(way) for way in ways(by_day, written)] == [[]] * 6
        # the same preparation and decoder read it where there is contrast: in the other light, and by day in a darker ink
        assert [TEXT] in [decoded(way) for way in ways(under_uv, written)]
        by_day_cells = colours_of_cells(by_day, written)
        inked = by_day_cells * np.where(pattern.cells == 1, 0.9, 1.0)[..., None]
        assert all(decoded(colour) == [TEXT] for colour in np.moveaxis(inked, 2, 0))

        strokes = written["parameters"]["strokes"]
        session.RE(rewrite(experiment, [name for name, of in strokes.items() if of == 2]))
        after = seen()
    assert decoded(after["645"]) == [TEXT]
    assert np.nanmean(after["645"][pattern.cells == 2]) > 3 * np.nanmean(before["645"][pattern.cells == 2])


def test_an_e_reads_f_through_the_filter_when_its_foot_is_not_rewritten(tmp_path: Path) -> None:
    """P34: the parts that make an F are rewritten, with the same energy; the foot of the E is left as it was."""
    coupon = Coupon(serial="E1", glass=Glass(name="BrI", bromide=1.5, iodide=1.5))
    letter = np.array([[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1]])
    f = letter.copy()
    f[4, 1:] = 0
    cells = np.where(letter > 0, np.where(f > 0, 1, 2), 0)
    with open_session(
        Instrument(), coupons=[coupon], data=tmp_path, seed=1, unattended=True, catalog=False, nominal=True
    ) as session:
        experiment = Experiment(session.bench, session.records, NightLabel("e", "e", {"vitrail": "test"}), coupon)
        session.RE(write_pattern(experiment, Pattern.of(cells, 0.6), {1: RED, 2: RED}))
        written = session.records.runs()[-1].start["experiment"]
        strokes = written["parameters"]["strokes"]
        session.RE(rewrite(experiment, [name for name, of in strokes.items() if of == 1]))
        corner = [c + 0.3 for c in written["parameters"]["corner_mm"]]
        session.RE(pl_map(experiment, (corner[0], corner[1]), n_x=4, n_y=5, step_mm=0.6))
        rates = light_of_cells(map_of(session.records.runs()[-1], bands=BANDS), written).rates
    under_uv, filtered = rates["all"], rates["645"]
    assert np.array_equal(under_uv > 0.15 * under_uv.max(), letter > 0)
    assert np.array_equal(filtered > 0.5 * filtered.max(), f > 0)
