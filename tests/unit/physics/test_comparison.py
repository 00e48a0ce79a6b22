"""The paper against the model, and the calibration that makes them agree."""

import numpy as np
import pytest

from beamline.physics.calibrate import FITTED, TARGETS, Measured, calibrate
from beamline.physics.comparison import Row, compare, format_rows
from beamline.physics.paper import FACTS
from beamline.physics.quantities import QUANTITIES
from beamline.physics.quantity import Quantity

ROWS = compare()


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.quantity.fact} {row.quantity.name}" for row in ROWS])
def test_every_row_agrees_or_is_known_to_be_unable_to(row: Row) -> None:
    assert row.agrees or row.quantity.cannot, f"paper {row.paper}, model {row.model} {row.quantity.unit}"


def test_only_the_lattice_a_raman_line_and_short_dots_cannot_agree() -> None:
    assert {row.quantity.fact for row in ROWS if not row.agrees} == {"P14", "P18", "P19", "P21", "P22"}


def test_every_observation_of_the_paper_has_a_row() -> None:
    observations = {fact for fact in FACTS if int(fact[1:]) >= 10}
    assert observations <= {quantity.fact for quantity in QUANTITIES}


def test_the_table_prints_one_line_a_row() -> None:
    text = format_rows(ROWS)
    assert len(text.splitlines()) == len(ROWS) + 1
    assert "cannot:" in text
    assert "fitted" in text


def test_a_quantity_needs_something_to_be_judged_by() -> None:
    with pytest.raises(ValueError, match="target"):
        Quantity("P10", "nothing", "1", lambda _: [0.0])


def test_the_system_is_square() -> None:
    assert len(FITTED) == len(TARGETS)


def test_the_table_holds_the_solution() -> None:
    """Solved again from half a sigma away, the fitted parameters come back to the table."""
    start = 0.5 * np.random.default_rng(4).uniform(-1.0, 1.0, len(FITTED))
    found = calibrate(start)
    assert max(abs(off) for off in found.residuals.values()) <= 1e-6
    for parameter in FITTED:
        assert found.values[parameter.name] == pytest.approx(parameter.nominal, rel=2e-5), parameter.name


def test_calibration_says_when_it_fails() -> None:
    with pytest.raises(RuntimeError, match="tolerances off"):
        calibrate(np.full(len(FITTED), 0.5), max_iterations=1)


def test_a_measured_size_takes_the_place_of_the_papers_and_its_sigma_goes_into_the_parameters() -> None:
    row = "Br&I: red diameter by TEM"
    found = calibrate(measured={row: Measured(6.1, 0.2)})
    assert max(abs(off) for off in found.residuals.values()) <= 1e-6
    moved = {name: value for name, value in found.values.items() if abs(value / _nominal(name) - 1.0) > 1e-3}
    assert moved
    # a parameter that hangs on the size moves with it, and is as uncertain as it moves by one sigma
    further = calibrate(measured={row: Measured(6.3, 0.2)})
    for parameter in FITTED:
        name = parameter.name
        step = (
            np.log(further.values[name] / found.values[name])
            if parameter.prior == "lognormal"
            else further.values[name] - found.values[name]
        )
        assert abs(step) / parameter.spread == pytest.approx(found.sds[name], rel=0.35, abs=1e-3), name


@pytest.mark.parametrize(
    ("row", "measured", "why"),
    [("no row", Measured(1.0, 0.1), "no fitted row"), ("Br&I: red PL", Measured(613.0, -1.0), "sigma of at least 0")],
)
def test_what_is_no_measured_row_is_refused(row: str, measured: Measured, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        calibrate(measured={row: measured})


def _nominal(name: str) -> float:
    return next(parameter.nominal for parameter in FITTED if parameter.name == name)
