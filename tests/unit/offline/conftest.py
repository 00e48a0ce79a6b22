"""Records of one coupon with one site, written as in the paper and measured nowhere: what is attached comes from elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from event_model import compose_run

from beamline.recipe import Coupon, Glass, Line, Recipe, Site, as_plain
from beamline.records import LogWriter, Records

NOW = datetime(2026, 1, 5, 22, tzinfo=UTC)
GLASS = Glass(name="BrI", bromide=1.5, iodide=1.5)


def write_coupon(folder: Path, serial: str, speeds_mm_s: dict[str, float]) -> None:
    """A writing run that confirms a line at each speed."""
    coupon = Coupon(serial=serial, glass=GLASS)
    sites = {name: Site(coupon=serial, name=name, x_mm=3.0 + i, y_mm=5.0) for i, name in enumerate(speeds_mm_s)}
    recipes = {
        name: Recipe(writing=Line(pulse_energy_uJ=200.0, speed_mm_s=speed)) for name, speed in speeds_mm_s.items()
    }
    about = {
        "purpose": "writing",
        "coupon": as_plain(coupon),
        "sites": {name: as_plain(site) for name, site in sites.items()},
        "recipes": {name: as_plain(recipe) for name, recipe in recipes.items()},
    }
    with LogWriter(folder) as log:
        run = compose_run(metadata=about, time=NOW.timestamp())
        log("start", run.start_doc)
        keys = {"site_name": {"source": "plan", "dtype": "string", "shape": []}}
        stream = run.compose_descriptor(name="exposures", data_keys=keys, time=NOW.timestamp())
        log("descriptor", stream.descriptor_doc)
        for name in sites:
            time = NOW.timestamp()
            log("event", stream.compose_event(data={"site_name": name}, timestamps={"site_name": time}, time=time))
        log("stop", run.compose_stop(time=NOW.timestamp()))


@pytest.fixture
def records(tmp_path: Path) -> Records:
    """C1 with the paper's line on A1; C2 with two different lines."""
    write_coupon(tmp_path / "data", "C1", {"A1": 0.4})
    write_coupon(tmp_path / "data", "C2", {"A1": 0.4, "A2": 1.6})
    return Records(tmp_path / "data")


def make_pattern(peaks_deg: dict[float, float], *, seed: int = 0) -> np.ndarray:
    """A diffraction pattern: peaks of 0.5 deg on the hump of the glass, Poisson noise; rows of angle and counts."""
    angle = np.arange(10.0, 50.0, 0.02)
    light = 400.0 * np.exp(-(((angle - 25.0) / 8.0) ** 2)) + 50.0
    for place, height in peaks_deg.items():
        light = light + height * np.exp(-4.0 * np.log(2.0) * ((angle - place) / 0.5) ** 2)
    counts = np.random.default_rng(seed).poisson(light)
    return np.column_stack((angle, counts))


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Writes a file of numbers: name, rows, heading, separator."""

    def made(name: str, rows: Any, heading: str = "", separator: str = ",") -> Path:
        path = tmp_path / name
        lines = [heading] * bool(heading) + [separator.join(f"{v:.10g}" for v in row) for row in np.asarray(rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return made


@pytest.fixture
def pattern() -> Any:
    """Makes diffraction patterns."""
    return make_pattern
