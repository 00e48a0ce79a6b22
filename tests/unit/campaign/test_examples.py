"""The campaign files of examples/ are good, and say what they want."""

from __future__ import annotations

from pathlib import Path

import pytest

from beamline.campaign import load_campaign

EXAMPLES = Path(__file__).parents[3] / "examples"
WANTED = {
    "night.toml": ("red_peak_nm", "green_red_ratio", "brightness"),
    "red-and-green.toml": ("red_peak_nm", "green_red_ratio", "light_counts_s", "brightness"),
    "brightest-iodide.toml": ("brightness",),
    "colour.toml": ("colour", "brightness"),
}


@pytest.mark.parametrize("name", WANTED)
def test_an_example_wants_what_it_says(name: str) -> None:
    assert load_campaign(EXAMPLES / name).objective.wishes() == WANTED[name]
