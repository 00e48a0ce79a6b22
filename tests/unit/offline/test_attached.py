"""Measurements in the records: attached, found, compared with the model, drawn, and used in the calibration."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bluesky.callbacks import LiveTable
from click.testing import CliRunner

from beamline.cli import main
from beamline.offline import OfflineError, attach, attached, fit_peak, markers, read_measurement
from beamline.recipe import HeatTreatment, Line
from beamline.records import Criteria, Ledger, Records, check_logs, find_runs

NOW = datetime(2026, 1, 6, tzinfo=UTC)
CU_A = 1.5406
PAPER_LINE = Line(pulse_energy_uJ=200.0, speed_mm_s=0.4)


@pytest.fixture
def xrd(write: Any, pattern: Any) -> Path:
    """A pattern with peaks near to those of P21."""
    path: Path = write("c1.xy", pattern({21.6: 300.0, 29.75: 500.0}), "2theta (deg)\tcounts", "\t")
    return path


def vitrail(records: Records, *words: str) -> Any:
    return CliRunner().invoke(main, [*words, "--data", str(records.folder)])


def test_what_is_attached_comes_back_and_the_ledger_is_as_before(records: Records, xrd: Path) -> None:
    before = Ledger.of(records.runs()).coupons()
    found = read_measurement(xrd, "xrd", x_ray_wavelength_A=CU_A)
    uid = attach(records, found, coupon="C1", site="A1", by="A. Student", now=NOW, measured_on="2026-01-05")
    run = records.run(uid)
    said: list[str] = []
    records.replay(LiveTable(["signal"], out=said.append), purpose="characterisation")
    assert any(line.startswith("attach attach [") for line in said)
    back = attached(run)
    assert np.array_equal(back.x, found.x)
    assert np.array_equal(back.y, found.y)
    assert (back.technique, back.axis, back.x_ray_wavelength_A, back.file) == (
        found.technique,
        found.axis,
        CU_A,
        found.file,
    )
    assert run.table("data").units["two_theta_deg"] == "deg"
    assert run.start["characterisation"]["measured_on"] == "2026-01-05"
    assert Ledger.of(records.runs()).coupons() == before
    assert check_logs(records.folder).is_good


def test_the_same_file_is_attached_once_to_a_place(records: Records, xrd: Path) -> None:
    found = read_measurement(xrd, "xrd", x_ray_wavelength_A=CU_A)
    attach(records, found, coupon="C1", by="A. Student", now=NOW)
    with pytest.raises(OfflineError, match="already, by A"):
        attach(records, found, coupon="C1", by="B. Student", now=NOW)
    attach(records, found, coupon="C1", site="A1", by="B. Student", now=NOW)


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ({"coupon": "C9"}, "do not know coupon 'C9'; they know C1, C2"),
        ({"coupon": "C1", "site": "Z9"}, "no site 'Z9' in the records; it has A1"),
        ({"coupon": "C1", "measured_on": "yesterday"}, "is no date"),
    ],
)
def test_what_it_is_of_must_be_known(records: Records, xrd: Path, where: dict[str, str], why: str) -> None:
    found = read_measurement(xrd, "xrd", x_ray_wavelength_A=CU_A)
    with pytest.raises(OfflineError, match=why):
        attach(records, found, by="A. Student", now=NOW, **where)
    assert not records.runs(purpose="characterisation")


def test_commands_attach_find_compare_and_draw(records: Records, xrd: Path, tmp_path: Path) -> None:
    words = ["--coupon", "C1", "--site", "A1", "--technique", "xrd", "--by", "A. Student"]
    refused = vitrail(records, "records", "attach", str(xrd), *words)
    assert refused.exit_code == 2
    assert "Cu K alpha 1: 1.5406" in refused.output
    done = vitrail(records, "records", "attach", str(xrd), *words, "--x-ray-wavelength-A", "1.5406")
    assert done.exit_code == 0, done.output
    listed = vitrail(records, "records", "list", "--technique", "xrd", "--coupon", "C1", "--json")
    (row,) = json.loads(listed.stdout)
    assert row["purpose"] == "characterisation"
    assert not json.loads(vitrail(records, "records", "list", "--technique", "raman", "--json").stdout)
    drawn = vitrail(records, "records", "compare", row["uid"][:8], "--out", str(tmp_path / "out"), "--json")
    assert drawn.exit_code == 0, drawn.output
    said = json.loads(drawn.stdout)
    found = {line["label"]: line for line in said["rows"]}
    assert found["Cs-Pb-Br-I (200)"]["model"] == pytest.approx(29.7, abs=0.01)  # P21
    assert found["Cs-Pb-Br-I (200)"]["measured"] == pytest.approx(
        29.75, abs=4 * found["Cs-Pb-Br-I (200)"]["measured_sd"]
    )
    assert found["CsPbBr3 (200)"]["measured"] is None  # there is none in the file
    assert {Path(name).suffix for name in said["files"]} == {".png", ".svg", ".csv"}
    assert all(Path(name).stat().st_size > 500 for name in said["files"])
    writing = records.runs(purpose="writing")[0].uid
    assert "is no characterisation" in vitrail(records, "records", "compare", writing).output


def test_a_coupon_of_several_recipes_is_not_compared_with_one_of_them(records: Records, xrd: Path) -> None:
    found = read_measurement(xrd, "xrd", x_ray_wavelength_A=CU_A)
    uid = attach(records, found, coupon="C2", by="A. Student", now=NOW)
    assert "2 sites with 2 recipes" in vitrail(records, "records", "compare", uid).output


def test_other_x_rays_move_the_models_angles_as_braggs_law_has_it(write: Any, pattern: Any, records: Records) -> None:
    glass = Ledger.of(records.runs()).coupon("C1").glass
    assert glass is not None
    path = write("p.xy", pattern({}), "2theta", " ")
    lines = [
        markers(read_measurement(path, "xrd", x_ray_wavelength_A=wavelength_A), glass, PAPER_LINE, ())
        for wavelength_A in (CU_A, 0.7093)
    ]
    spacings = [
        [wavelength_A / 2.0 / np.sin(np.radians(line.place / 2.0)) for line in found]
        for wavelength_A, found in zip((CU_A, 0.7093), lines, strict=True)
    ]
    assert spacings[0] == pytest.approx(spacings[1], rel=1e-12)
    assert all(line.sd > 0 for line in lines[0])


@pytest.mark.parametrize(
    ("technique", "axis", "expected"),
    [
        ("raman", "raman_shift_1_cm", [94.0, 123.0]),  # P22
        ("absorption", "wavelength_nm", [508.0, 607.0]),  # P15
        ("tem_sizes", "diameter_nm", [3.77, 5.80]),  # P17
    ],
)
def test_the_model_has_the_papers_numbers(
    write: Any, records: Records, technique: str, axis: str, expected: list[float]
) -> None:
    glass = Ledger.of(records.runs()).coupon("C1").glass
    assert glass is not None
    rows = np.column_stack(
        (np.linspace(400.0, 700.0, 50) if axis == "wavelength_nm" else np.arange(1.0, 51.0), np.ones(50))
    )
    found = read_measurement(write("a.csv", rows), technique, axis=axis)
    assert [line.place for line in markers(found, glass, PAPER_LINE, ())] == pytest.approx(expected, rel=2e-3)
    heated = markers(found, glass, PAPER_LINE, [HeatTreatment(temperature_C=550.0, hold_s=7200.0)])
    assert heated[1].place != pytest.approx(expected[1], rel=1e-4)  # what the furnace did counts


def test_the_uncertainty_of_a_peak_is_what_it_says(pattern: Any) -> None:
    z = []
    for seed in range(60):
        rows = pattern({29.7: 60.0}, seed=seed)
        found = fit_peak(rows[:, 0], rows[:, 1], 29.5, 1.0)
        assert found is not None
        z.append((found.place - 29.7) / found.sd)
    assert 0.7 < np.std(z) < 1.35
    assert abs(np.mean(z)) < 0.5


def test_noise_has_no_peak(pattern: Any) -> None:
    found = [fit_peak(*pattern({}, seed=seed).T, 29.5, 1.0) for seed in range(20)]
    assert sum(one is not None for one in found) <= 1


def test_search_by_technique_is_part_of_what_a_server_is_asked() -> None:
    assert len(Criteria(technique="xrd").queries()) == 1
    assert not Criteria(technique="xrd").matches({"purpose": "measurement"})


def test_runs_of_a_technique_are_found_in_time(records: Records, xrd: Path) -> None:
    found = read_measurement(xrd, "xrd", x_ray_wavelength_A=CU_A)
    uid = attach(records, found, coupon="C1", by="A. Student", now=NOW)
    assert [run.uid for run in find_runs(records, Criteria(technique="xrd", since=NOW.timestamp()))] == [uid]
    assert not find_runs(records, Criteria(technique="xrd", since=NOW.timestamp() + 1.0))
