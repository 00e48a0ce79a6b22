"""Every figure for every kind of night: drawn with its data, or absent with a reason; nothing is left behind."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beamline.report.figures import FIGURES
from beamline.report.figures.parity import compared
from beamline.report.style import Absent, Drawing, styled, write_drawing

ABSENT = {
    "whole": {},
    "cut": {
        "best_recipe": "no site luminesced",
        "waterfall": "no spectrum with its dark was taken",
        "parity": "the physics optimiser made no predictions that were measured",
        "dose": "no site luminesced",
    },
    "dark": {
        "best_recipe": "no site luminesced",
        "parity": "the random optimiser made no predictions that were measured",
        "posterior": "the random optimiser has no physics parameters to learn of",
        "dose": "no site luminesced",
    },
}


@pytest.mark.parametrize("name", list(ABSENT))
def test_each_figure_is_drawn_with_its_data_or_absent_with_a_reason(nights: Any, name: str) -> None:
    absent = {}
    with styled():
        for draw in FIGURES:
            drawn = draw(nights[name])
            if isinstance(drawn, Absent):
                absent[drawn.name] = drawn.reason
                continue
            lengths = {len(column) for column in drawn.table.values()}
            assert len(lengths) == 1
            assert lengths.pop() > 0
            assert drawn.footer.text.endswith("vitrail 1.2.3")
            assert "n = " in drawn.footer.text
            assert len(drawn.caption) > 60
    assert absent == ABSENT[name]


def drawn(night: Any, name: str) -> Drawing:
    with styled():
        draw = next(d for d in FIGURES if d.__name__ == f"draw_{name}")
        found = draw(night)
    assert isinstance(found, Drawing)
    return found


def test_convergence_shows_every_site_and_what_it_lacks(nights: Any) -> None:
    drawing = drawn(nights["whole"], "convergence")
    table = drawing.table
    kinds = ["both phases", "green only", "no luminescence", "saturated", "both phases", "both phases", "red only"]
    assert list(table["outcome"])[:7] == kinds
    assert list(table["within_specification"]) == [0, 0, 0, 0, 1, 1, 0, 0]
    assert np.all(np.diff(table["time_h"]) > 0)
    labels = {text.get_text() for text in drawing.figure.legends[0].get_texts()}
    assert {"specification", "within it", "saturated", "no luminescence", "green only"} <= labels


def test_the_best_recipe_is_the_one_of_the_optimiser_with_its_fit(nights: Any) -> None:
    drawing = drawn(nights["whole"], "best")
    assert drawing.title.endswith("A1 on C2")
    table = {name: np.asarray(column) for name, column in drawing.table.items()}
    residual = (table["rate_counts_s_nm"] - table["fit_counts_s_nm"]) / table["rate_sd_counts_s_nm"]
    assert np.sqrt(np.mean(residual**2)) == pytest.approx(1.0, abs=0.25)
    assert {"band_1_counts_s_nm", "band_2_counts_s_nm"} <= set(table)


def test_prediction_and_measurement_are_compared_once_each_with_the_joint_sigma(nights: Any) -> None:
    rows = compared(nights["whole"])
    peaks = [r for r in rows if r.observable == "red_peak_nm"]
    assert [(r.coupon, r.site, r.is_prior) for r in peaks] == [
        ("C1", "A1", True),
        ("C2", "A1", False),
        ("C2", "A2", False),
        ("C2", "B1", False),
        ("C2", "B2", False),
    ]
    first = peaks[0]
    assert first.z == pytest.approx((first.measured - 630.0) / np.hypot(4.0, first.measured_sd))


def test_the_waterfall_holds_the_light_and_stands_in_the_order_of_temperature(nights: Any) -> None:
    table = drawn(nights["whole"], "waterfall").table
    axis = np.asarray(table["wavelength_nm"])
    assert np.trapezoid(np.asarray(table["C2_A1_counts_s_nm"]), axis) == pytest.approx(1e6, rel=0.02)


def test_the_gantt_adds_up_to_the_night(nights: Any) -> None:
    night = nights["whole"]
    table = drawn(night, "gantt").table
    total_h = np.sum(np.asarray(table["end_h"]) - np.asarray(table["begin_h"]))
    assert total_h == pytest.approx(night.duration_s / 3600, rel=0.01)


def test_the_maps_show_every_site_in_its_state_and_its_colour(nights: Any) -> None:
    figure = drawn(nights["cut"], "maps").figure
    shapes = [len(c.get_paths()) for axes in figure.axes for c in axes.collections]
    assert shapes == [4] * 4  # two coupons: the states of four sites, and what they shine in
    written = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert written.count("A1") == 2
    assert (written.count("+"), written.count("–")) == (6, 2)
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["written", "measured", "suspect"]


def test_files_are_the_same_every_time_and_no_state_is_left(nights: Any, tmp_path: Path) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    contents = []
    for folder in (tmp_path / "1", tmp_path / "2", tmp_path / "3", tmp_path / "4"):
        folder.mkdir()
        drawing = drawn(nights["whole"], "furnace")
        with styled():
            _, paths = write_drawing(drawing, folder)
        contents.append([path.read_bytes() for path in paths])
    assert all(content == contents[0] for content in contents)
    assert dict(mpl.rcParams) == before
    header, first, *_ = contents[0][2].decode().splitlines()
    assert header == "coupon,time_h,setpoint_C,readback_C"
    assert first.split(",")[0] == "C1"
