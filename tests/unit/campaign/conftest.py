"""Campaigns to test with."""

import pytest
from hypothesis import strategies as st
from strategies import words

from beamline.campaign import Campaign, CouponEntry, SiteGrid, parse_campaign
from beamline.optimize.objective import Objective, RatioTarget, WavelengthTarget
from beamline.optimize.space import SearchSpace
from beamline.recipe import Glass

MINIMAL = """
name = "minimal"

[[glass]]
name = "BrI"
bromide = 1.5
iodide = 1.5

[[coupon]]
serial = "C-01"
glass = "BrI"
"""


@pytest.fixture
def minimal() -> str:
    return MINIMAL


@pytest.fixture
def campaign() -> Campaign:
    return parse_campaign(MINIMAL)


PARTS = {
    "objective": words(Objective, red_peak_nm=st.none() | words(WavelengthTarget), green_red_ratio=words(RatioTarget)),
    "space": words(SearchSpace),
    "sites": words(SiteGrid, per_coupon=st.integers(1, 9), spacing_mm=st.floats(0.1, 3), margin_mm=st.floats(0, 3)),
}


@st.composite
def campaigns(draw: st.DrawFn) -> Campaign:
    """Any campaign whose parts go together."""
    glasses = draw(st.lists(words(Glass), min_size=1, max_size=3, unique_by=lambda g: g.name))
    entries = words(
        CouponEntry,
        glass=st.sampled_from([g.name for g in glasses]),
        width_mm=st.floats(20, 100),
        height_mm=st.floats(20, 100),
    )
    coupons = draw(st.lists(entries, min_size=1, max_size=4, unique_by=lambda c: c.serial))
    return draw(words(Campaign, glass=st.just(tuple(glasses)), coupon=st.just(tuple(coupons)), **PARTS))


@pytest.fixture(scope="session")
def any_campaign() -> st.SearchStrategy[Campaign]:
    return campaigns()
