from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.analysis import chromaticity, srgb, srgb_of_light, tristimulus

AXIS = np.linspace(380.0, 780.0, 801)


def test_equal_energy_is_in_the_middle() -> None:
    xy = chromaticity(AXIS, AXIS)  # equal power per nm is photons in proportion to the wavelength
    assert xy is not None
    assert xy == pytest.approx((1 / 3, 1 / 3), abs=2e-4)


@pytest.mark.parametrize(
    ("nm", "x", "y"), [(460, 0.1440, 0.0297), (520, 0.0743, 0.8338), (580, 0.5125, 0.4866), (620, 0.6915, 0.3083)]
)
def test_the_spectral_locus(nm: float, x: float, y: float) -> None:
    """CIE 1931 chromaticities of monochromatic light, as every table has them."""
    line = np.exp(-0.5 * ((AXIS - nm) / 0.5) ** 2)
    found = chromaticity(AXIS, line)
    assert found is not None
    assert found == pytest.approx((x, y), abs=3e-3)


def test_darkness_has_no_colour() -> None:
    assert chromaticity(AXIS, np.zeros_like(AXIS)) is None
    assert srgb_of_light(AXIS, np.zeros((2, AXIS.size))) == pytest.approx(0.0)


def test_daylight_white_is_white() -> None:
    assert srgb([0.9505, 1.0, 1.0890]) == pytest.approx(1.0, abs=2e-3)


def test_green_is_green_and_red_is_red() -> None:
    green, red = (np.exp(-0.5 * ((AXIS - nm) / 10) ** 2) for nm in (514, 650))
    g, r = srgb_of_light(AXIS, np.stack([green, red]))
    assert g.argmax() == 1
    assert r.argmax() == 0


@given(st.lists(st.floats(0, 5), min_size=3, max_size=3))
def test_every_colour_is_inside_the_gamut(xyz: list[float]) -> None:
    rgb = srgb(xyz)
    assert ((rgb >= 0) & (rgb <= 1)).all()


def test_light_adds_up() -> None:
    one, two = (np.exp(-0.5 * ((AXIS - nm) / 20) ** 2) for nm in (514, 613))
    assert tristimulus(AXIS, one + 2 * two) == pytest.approx(tristimulus(AXIS, one) + 2 * tristimulus(AXIS, two))


def test_an_axis_that_falls_is_refused() -> None:
    with pytest.raises(ValueError, match="rise"):
        tristimulus(AXIS[::-1], AXIS)
