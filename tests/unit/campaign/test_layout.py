"""Sites lie where they may: inside the margins, apart, the same every time."""

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from beamline.campaign import CrowdedError, layout, n_fitting
from beamline.recipe import Coupon, Glass

GLASS = Glass(name="BrI", bromide=1.5, iodide=1.5)
SLACK_MM = 1e-6

coupons = st.builds(
    lambda w, h: Coupon(serial="C", glass=GLASS, width_mm=w, height_mm=h), st.floats(1, 100), st.floats(1, 100)
)
lengths = st.one_of(st.just(0.0), st.floats(0.1, 20))


@given(
    coupon=coupons,
    n=st.integers(1, 60),
    spacing_mm=st.floats(0.1, 20),
    margin_mm=st.floats(0, 20),
    line_length_mm=lengths,
)
def test_sites_keep_their_distance_from_edges_and_neighbours(
    coupon: Coupon, n: int, spacing_mm: float, margin_mm: float, line_length_mm: float
) -> None:
    grid = {"spacing_mm": spacing_mm, "margin_mm": margin_mm, "line_length_mm": line_length_mm}
    fitting = n_fitting(coupon, **grid)
    assume(fitting)
    n = min(n, fitting)
    sites = layout(coupon, n, **grid)
    assert sites == layout(coupon, n, **grid)
    assert len(sites) == len({site.name for site in sites}) == n
    half = line_length_mm / 2
    for site in sites:
        assert margin_mm - SLACK_MM <= site.x_mm - half
        assert site.x_mm + half <= coupon.width_mm - margin_mm + SLACK_MM
        assert margin_mm - SLACK_MM <= site.y_mm <= coupon.height_mm - margin_mm + SLACK_MM
    for a, b in itertools.combinations(sites, 2):
        apart_x = abs(a.x_mm - b.x_mm) - line_length_mm
        apart_y = abs(a.y_mm - b.y_mm)
        assert max(apart_x, apart_y) >= spacing_mm - SLACK_MM


@given(coupon=coupons, spacing_mm=st.floats(0.5, 20), margin_mm=st.floats(0, 20), line_length_mm=lengths)
def test_one_more_than_fit_is_refused_with_the_number_that_fits(
    coupon: Coupon, spacing_mm: float, margin_mm: float, line_length_mm: float
) -> None:
    grid = {"spacing_mm": spacing_mm, "margin_mm": margin_mm, "line_length_mm": line_length_mm}
    fitting = n_fitting(coupon, **grid)
    with pytest.raises(CrowdedError, match=f"{fitting} do; take fewer") as refused:
        layout(coupon, fitting + 1, **grid)
    assert refused.value.n_fitting == fitting


def test_twelve_lines_on_a_common_coupon() -> None:
    sites = layout(Coupon(serial="C", glass=GLASS), 12, spacing_mm=2, margin_mm=2, line_length_mm=1)
    assert [site.name for site in sites] == [f"{row}{column}" for row in "ABCD" for column in (1, 2, 3)]
    assert (sites[0].x_mm, sites[0].y_mm) == (7, 13)  # upper left
    assert (sites[-1].x_mm, sites[-1].y_mm) == (13, 7)
    assert sum(site.x_mm for site in sites) / 12 == sum(site.y_mm for site in sites) / 12 == 10  # in the middle


def test_what_fits_exactly_fits() -> None:
    coupon = Coupon(serial="C", glass=GLASS, width_mm=2.3, height_mm=1.2)
    assert n_fitting(coupon, spacing_mm=0.1, margin_mm=0.1, line_length_mm=0.2) == 7 * 11


def test_a_long_narrow_coupon_gets_one_column() -> None:
    coupon = Coupon(serial="C", glass=GLASS, width_mm=3, height_mm=100)
    sites = layout(coupon, 30, spacing_mm=2, margin_mm=1, line_length_mm=1)
    assert {site.x_mm for site in sites} == {1.5}
    assert [sites[0].name, sites[25].name, sites[26].name] == ["A1", "Z1", "AA1"]


@pytest.mark.parametrize(
    "grid",
    [
        {"spacing_mm": 0.0, "margin_mm": 1.0},
        {"spacing_mm": 1.0, "margin_mm": -1.0},
        {"spacing_mm": 1.0, "margin_mm": 1.0, "line_length_mm": -1.0},
        {"spacing_mm": float("nan"), "margin_mm": 1.0},
    ],
)
def test_impossible_lengths_are_refused(grid: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be above 0 mm"):
        layout(Coupon(serial="C", glass=GLASS), 1, **grid)


def test_no_site_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 site"):
        layout(Coupon(serial="C", glass=GLASS), 0, spacing_mm=1, margin_mm=1)
