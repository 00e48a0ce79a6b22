from __future__ import annotations

import pytest

from beamline.experiments import Colour, candidates, palette
from beamline.patterns import PatternError
from beamline.recipe import Glass, Line

BRI = Glass(name="BrI", bromide=1.5, iodide=1.5)


def colour(red_share: float, sd: float, light: float = 1.0) -> Colour:
    return Colour(Line(pulse_energy_uJ=200.0, speed_mm_s=0.4), red_share, sd, light)


def test_slow_lines_are_redder_and_two_are_told_apart() -> None:
    among = candidates(BRI, speeds_mm_s=(0.25, 0.4, 0.7, 1.2))
    shares = [one.red_share for one in among]
    assert shares == sorted(shares, reverse=True)
    green, red = palette(among, 2)
    assert green.red_share + 3 * green.red_share_sd < red.red_share - 3 * red.red_share_sd


def test_pure_bromide_has_one_colour_and_says_so() -> None:
    with pytest.raises(PatternError, match=r"2 colours cannot be told apart with an error of 0\.01: 1 can"):
        palette(candidates(Glass(name="Br", bromide=3.0, iodide=0.0), speeds_mm_s=(0.3, 0.6, 1.2)), 2)


def test_as_many_as_the_scatter_allows() -> None:
    among = [colour(0.01 * i, 0.02) for i in range(101)]
    # thresholds at 2.58 sigma to either side for 1 %: 0.103 between neighbours
    assert len(palette(among, 10)) == 10
    with pytest.raises(PatternError, match="10 can"):
        palette(among, 11)


def test_what_is_too_dark_is_left_out() -> None:
    among = [colour(0.0, 0.01), colour(0.5, 0.01, light=0.01), colour(1.0, 0.01)]
    assert [one.red_share for one in palette(among, 2)] == [0.0, 1.0]
    with pytest.raises(PatternError, match="2 can"):
        palette(among, 3)
