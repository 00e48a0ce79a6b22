"""Heat and light that the lines of a picture leave to one another, and energies that make up for the heat."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from beamline.experiments import Colour, Forecast, PlacedLine, candidates, forecast
from beamline.experiments.sight import Sight, without_neighbours
from beamline.experiments.warmth import Warmth, gain_of
from beamline.patterns import Pattern
from beamline.physics import nominal
from beamline.physics.reference_heat import source_of
from beamline.physics.setting_table import settings
from beamline.recipe import Glass, Line

BRI = Glass(name="BrI", bromide=1.5, iodide=1.5)
GREEN, RED = candidates(BRI, speeds_mm_s=(1.2, 0.4))
COLOURS = {1: GREEN, 2: RED}
CELL_mm = 0.5


def rows_of(numbers: list[int], *, pause_s: float = 1.0) -> list[PlacedLine]:
    """One line of four cells a row, from the top, one after the other."""
    found, now_s = [], 0.0
    for row, number in enumerate(numbers):
        line = COLOURS[number].line.model_copy(update={"length_mm": 4 * CELL_mm})
        y_mm = (len(numbers) - row - 0.5) * CELL_mm
        found.append(PlacedLine(f"r{row}c0", 2 * CELL_mm, y_mm, number, line, now_s))
        now_s += found[-1].duration_s + pause_s
    return found


def foreseen(numbers: list[int], **options: object) -> Forecast:
    pattern = Pattern.of(np.repeat(np.array(numbers)[:, None], 4, axis=1), CELL_mm)
    options = {"parameters": nominal(), **options}
    return forecast(pattern, rows_of(numbers), (0.0, 0.0), COLOURS, BRI, **options)  # type: ignore[arg-type]  # a test's


def test_a_long_fast_line_warms_as_a_line_source_does() -> None:
    """Q' / (2 pi k t) exp(-r^2 / 4 D t) below a surface that lets nothing through, once the depth is forgotten."""
    long = Line(pulse_energy_uJ=200.0, speed_mm_s=3.0, length_mm=50.0, depth_mm=0.02)
    later = Line(pulse_energy_uJ=200.0, speed_mm_s=3.0, length_mm=0.1, depth_mm=0.02)
    away_mm, after_s = 0.8, 10.0
    lines = [
        PlacedLine("a", 0.0, 0.0, 1, long, 0.0),
        PlacedLine("b", 0.0, away_mm, 1, later, 0.5 * 50.0 / 3.0 + after_s),
    ]
    p = nominal()
    rise_K = Warmth(lines, 0.5, p).rises_K(np.array([200.0, 200.0]))
    table = settings([long], 0.5)
    absorbed_W = float(source_of({n: table[n].astype(float) for n in table.dtype.names or ()}, p[0], 1.0)["power_W"][0])
    k_W_mmK = 1e-3 * float(p["conductivity_W_mK"][0])
    D_mm2_s = k_W_mmK / (1e-3 * float(p["heat_capacity_J_cm3K"][0]))
    line_K = (
        absorbed_W / 3.0 / (2.0 * math.pi * k_W_mmK * after_s) * math.exp(-(away_mm**2) / (4.0 * D_mm2_s * after_s))
    )
    assert rise_K[0] == 0.0  # nothing was before it
    assert rise_K[1] == pytest.approx(line_K, rel=0.03)


def test_warmth_is_worth_energy_and_more_of_it_is_worth_more() -> None:
    gains = gain_of(np.array([0.0, 10.0, 20.0]), nominal())
    assert gains[0] == 1.0
    assert 1.01 < gains[1] < gains[2] < 1.05


def test_energies_make_up_for_the_heat_and_only_for_it() -> None:
    numbers = [2, 2, 1, 2, 2]
    plain, made_up = foreseen(numbers, is_compensated=False), foreseen(numbers)
    assert set(plain.energies_uJ.values()) == {200.0}
    assert made_up.energies_uJ["r0c0"] == 200.0  # the first one finds cold glass
    assert all(150.0 < made_up.energies_uJ[f"r{row}c0"] < 199.5 for row in range(1, 5))
    away, still = (np.abs(one.red_share - one.meant).max() for one in (plain, made_up))
    assert away > 0.01  # the heat is worth looking at
    assert still < 0.05 * away
    assert (plain.red_share[1:2] > plain.meant[1:2]).all()  # warm lines come out redder


def test_energies_stay_within_what_the_bench_allows() -> None:
    held = foreseen([2, 2, 2], energy_limits_uJ=(199.0, 400.0))
    assert min(held.energies_uJ.values()) == 199.0


def test_what_is_unknown_of_the_parameters_is_in_the_forecast() -> None:
    from beamline.physics import PRIOR

    sharp, vague = foreseen([1, 2]), foreseen([1, 2], draws=PRIOR.draw(np.random.default_rng(1), 4))
    assert (sharp.red_share_common_sd == 0.0).all()
    assert (vague.red_share_common_sd[1] > 0.01).all()
    assert (vague.colour_sd > sharp.colour_sd).all()


def test_a_forecast_comes_back_from_a_record() -> None:
    made = replace(foreseen([1, 2]), meant=np.array([[0.1] * 4, [np.nan] * 4]))
    recipes = {name: {"writing": {"pulse_energy_uJ": energy}} for name, energy in made.energies_uJ.items()}
    again = Forecast.of_json(made.as_json(), recipes)
    assert np.isnan(again.meant[1]).all()
    assert again.energies_uJ == made.energies_uJ
    assert np.allclose(again.xyz, made.xyz, atol=1e-4)
    assert (again.order, again.thresholds, again.spot_radius_mm) == (made.order, made.thresholds, made.spot_radius_mm)


def test_the_light_of_neighbours_is_put_in_and_taken_out() -> None:
    """Cells as small as the spot: a third of what is seen over one is of others."""
    rng = np.random.default_rng(2)
    cells, cell_mm = rng.integers(1, 3, (5, 6)), 0.12
    light = rng.uniform(0.2, 3.0, cells.shape)
    lines = [
        PlacedLine(
            f"r{row}c{column}",
            3.0 + (column + 0.5) * cell_mm,
            2.0 + (5 - row - 0.5) * cell_mm,
            1,
            Line(pulse_energy_uJ=200.0, speed_mm_s=0.4, length_mm=cell_mm),
            0.0,
        )
        for row in range(5)
        for column in range(6)
    ]
    sight = Sight.of(Pattern.of(cells, cell_mm), lines, (3.0, 2.0), 0.1)
    _, seen, _ = sight.cells(np.repeat(light.reshape(-1, 1), 5, axis=1))
    alone = without_neighbours(seen, cell_mm, 0.1)
    ratio = alone / light
    assert np.ptp(seen / light) > 0.3 * (seen / light).mean()
    assert ratio == pytest.approx(ratio.mean(), rel=1e-6)


def test_a_threshold_is_as_many_sigma_from_either_colour() -> None:
    low, high = (Colour(one.line, share, sd, 1.0) for one, share, sd in ((GREEN, 0.1, 0.01), (RED, 0.5, 0.03)))
    pattern = Pattern.of([[1, 2]], CELL_mm)
    lines = [
        PlacedLine(
            f"r0c{i}", (i + 0.5) * CELL_mm, 0.25, i + 1, one.line.model_copy(update={"length_mm": CELL_mm}), 10.0 * i
        )
        for i, one in enumerate((low, high))
    ]
    (edge,) = forecast(pattern, lines, (0.0, 0.0), {1: low, 2: high}, BRI, parameters=nominal()).thresholds
    assert edge == pytest.approx(0.2)
