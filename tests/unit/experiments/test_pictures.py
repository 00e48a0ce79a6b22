"""A QR code written in two colours on the twin, and read back from a map by a decoder that nobody here wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beamline.analysis import GREEN_MAP, LONG_PASS_645, BandPass
from beamline.experiments import grey_image, light_of_cells, map_of
from beamline.instrument import Instrument
from beamline.patterns import Pattern, qr_pattern
from beamline.recipe import Coupon, Glass, Line, Measurement
from beamline.session import open_session
from plans import Experiment, NightLabel, pl_map, rewrite, write_pattern

TEXT = "vitrail 613"
GREEN, RED = Line(pulse_energy_uJ=200.0, speed_mm_s=1.0), Line(pulse_energy_uJ=200.0, speed_mm_s=0.4)
BANDS = {"green": GREEN_MAP, "red": BandPass(590.0, 720.0), "645": LONG_PASS_645, "all": BandPass(460.0, 760.0)}
CORNER_MM = (1.0, 1.0)


def decoded(values: Any, *, negative: bool) -> list[str]:
    import zxingcpp

    return [one.text for one in zxingcpp.read_barcodes(grey_image(-values if negative else values))]


@pytest.mark.timeout(300)
def test_a_code_in_two_colours_is_read_by_colour_and_after_rewriting_as_red(tmp_path: Path) -> None:
    glass = Glass(name="BrI", bromide=1.5, iodide=1.5)
    coupon = Coupon(serial="Q1", glass=glass)
    pattern = qr_pattern(TEXT, cell_mm=0.5, version=1, dark=1, light=2)
    with open_session(
        Instrument(), coupons=[coupon], data=tmp_path, seed=1, unattended=True, catalog=False, nominal=True
    ) as session:
        experiment = Experiment(session.bench, session.records, NightLabel("qr", "q", {"vitrail": "test"}), coupon)
        session.RE(write_pattern(experiment, pattern, {1: GREEN, 2: RED}, margin_mm=0.5))
        written = session.records.runs()[-1].start["experiment"]
        corner = [c + 0.25 for c in written["parameters"]["corner_mm"]]
        rows, columns = pattern.cells.shape

        def seen() -> dict[str, Any]:
            settings = Measurement(integration_s=0.05, n_averages=1)
            session.RE(
                pl_map(experiment, (corner[0], corner[1]), n_x=columns, n_y=rows, step_mm=0.5, measurement=settings)
            )
            return light_of_cells(map_of(session.records.runs()[-1], bands=BANDS), written).rates

        before = seen()
        colour = before["red"] / (before["red"] + before["green"])
        assert decoded(colour, negative=False) == [TEXT]
        strokes = written["parameters"]["strokes"]
        session.RE(rewrite(experiment, [name for name, of in strokes.items() if of == 2]))
        after = seen()
        assert decoded(after["645"], negative=False) == [TEXT]
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
