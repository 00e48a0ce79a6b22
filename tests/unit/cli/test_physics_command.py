"""`vitrail physics`: the table, the calibration, the pictures; and what is refused."""

import csv
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from beamline.cli import main
from beamline.physics import PARAMETERS


def vitrail(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["physics", *arguments])


def test_the_table_has_every_fact_with_a_verdict() -> None:
    done = vitrail("table", "--json")
    assert done.exit_code == 0, done.output
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["facts_without_row"] == []
    assert {f"P{i}" for i in range(10, 35)} <= {row["fact"] for row in document["rows"]}
    for row in document["rows"]:
        assert row["verdict"]
        assert row["kind"] in {"fitted", "set", "predicted"}
        assert row["agrees"] or row["cannot"]
        assert (row["target"] is None) == (row["tolerance"] is None)
    assert all(c["facts"] and c["what"] and c["way_out"] for c in document["contradictions"])


def test_the_table_for_people_says_the_same() -> None:
    text = vitrail("table").stdout
    for words in ("P10 ", "P34 ", "+-", "predicted", "cannot:", "without a row: none", "P14, P17"):
        assert words in text


def test_a_row_that_differs_ends_with_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    from beamline.physics import comparison, from_standard

    rows = comparison.compare(from_standard(np.full((1, len(PARAMETERS)), 0.3)))
    monkeypatch.setattr(comparison, "compare", lambda: rows)
    done = vitrail("table")
    assert done.exit_code == 1
    assert "differs" in done.stdout


def test_calibration_comes_back_to_the_table_and_stores_what_it_prints(tmp_path: Path) -> None:
    out = tmp_path / "calibration.toml"
    done = vitrail("calibrate", "--away", "0.2", "--json", "--out", str(out))
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert tomllib.loads(out.read_text(encoding="utf-8")) == printed
    assert printed["table_stands"] is True
    assert printed["n_iterations"] > 0
    assert printed["versions"]["vitrail"]
    assert len(printed["physics_sources_sha256"]) == 64
    fitted = {p.name for p in PARAMETERS if p.status == "fitted"}
    assert set(printed["parameters"]) == fitted
    assert printed == json.loads(vitrail("calibrate", "--away", "0.2", "--json").stdout)


def test_calibration_says_how_the_table_would_change(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["beamline.cli.physics"]  # as an attribute it is the command
    monkeypatch.setattr(module, "_STANDS", 1e-6)  # nearer than the table's digits
    text = vitrail("calibrate").stdout
    assert "would change: " in text
    assert "lattice_Br_A" in text


def test_calibration_takes_numbers_of_ours() -> None:
    done = vitrail("calibrate", "--measured", "Br&I: red diameter by TEM=5.9+-0.2", "--json")
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert printed["measured"] == {"Br&I: red diameter by TEM": {"value": 5.9, "sd": 0.2}}
    assert printed["table_stands"] is False
    assert all("sd_sigma" in entry for entry in printed["parameters"].values())
    assert "give ROW=VALUE+-SD" in vitrail("calibrate", "--measured", "5.9").output
    assert "no fitted row 'red diameter'" in vitrail("calibrate", "--measured", "red diameter=5.9+-0.2").output


def test_one_setting_is_drawn_with_its_data(tmp_path: Path) -> None:
    done = vitrail(
        "explore", "red_peak_nm", "--vary", "temperature_C=200:550", "--set", "hold_s=3600", "--draws", "20",
        "--points", "8", "--out", str(tmp_path), "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    files = [Path(name) for name in json.loads(done.stdout)["files"]]
    assert [file.suffix for file in files] == [".png", ".svg", ".csv"]
    assert files[0].read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in files[1].read_bytes()
    with files[2].open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["temperature_C"]) for row in (rows[0], rows[-1])] == [200.0, 550.0]
    nominal = [float(row["nominal (nm)"]) for row in rows]
    assert nominal == sorted(nominal)  # P24
    for row in rows:
        levels = [float(row[f"quantile {level} (nm)"]) for level in ("0.05", "0.16", "0.5", "0.84", "0.95")]
        assert levels == sorted(levels)


def test_two_settings_are_a_map(tmp_path: Path) -> None:
    done = vitrail(
        "explore", "size_um", "--vary", "pulse_energy_uJ", "--vary", "exposure_s=0.5:10", "--draws", "10",
        "--points", "5", "--out", str(tmp_path),
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    with (tmp_path / "size_um-over-pulse_energy_uJ-and-exposure_s.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 25
    assert any(float(row["nominal (um)"]) > 0 for row in rows)


def test_where_nothing_shines_there_is_no_colour(tmp_path: Path) -> None:
    done = vitrail(
        "explore", "red_peak_nm", "--vary", "pulse_energy_uJ=0:100", "--draws", "10", "--points", "3", "--out", str(tmp_path)
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    with (tmp_path / "red_peak_nm-over-pulse_energy_uJ.csv").open(encoding="utf-8") as file:
        first = next(csv.DictReader(file))
    assert first["nominal (nm)"] == first["quantile 0.5 (nm)"] == ""
    assert float(first["share of draws with something to see"]) == 0.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["red_peek_nm", "--vary", "speed_mm_s"], "red_peek_nm"),
        (["size_um", "--vary", "speed"], "no setting 'speed'"),
        (["size_um", "--vary", "speed_mm_s=1:9"], "0.01 to 3 mm/s"),
        (["size_um", "--vary", "speed_mm_s=2:1"], "LOW below HIGH"),
        (["size_um", "--vary", "speed_mm_s=a:1"], "not a number"),
        (["size_um", "--vary", "speed_mm_s", "--vary", "speed_mm_s"], "only once"),
        (["size_um", "--vary", "speed_mm_s", "--set", "speed_mm_s=1"], "both varied and set"),
        (["size_um", "--vary", "speed_mm_s", "--set", "exposure_s=1"], "only one of them"),
        (["size_um", "--vary", "speed_mm_s", "--set", "depth_mm"], "NAME=VALUE"),
        (["size_um", "--vary", "speed_mm_s", "--set", "n_passes=1.5"], "passes are whole"),
        (["size_um", "--vary", "speed_mm_s", "--set", "depth_mm=nan"], "depth_mm=nan"),
        (["size_um", "--vary", "speed_mm_s", "--set", "hold_s=60"], "needs a temperature_C"),
        (["size_um", "--vary", "temperature_C=20:900"], "-20 to 700 degC"),
        (["size_um", *(f"--vary={name}" for name in ("speed_mm_s", "depth_mm", "n_passes"))], "one setting or two"),
    ],
)
def test_what_cannot_be_explored_is_refused(arguments: list[str], words: str, tmp_path: Path) -> None:
    done = vitrail("explore", *arguments, "--out", str(tmp_path))
    assert done.exit_code == 2
    assert words in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_kind_is_refused() -> None:
    done = vitrail("calibrate", "--out", "calibration.xlsx")
    assert done.exit_code == 2
    assert ".toml" in done.stderr


def test_parameters_are_printed_edited_and_used(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    done = vitrail("parameters", "--out", str(mine))
    assert done.exit_code == 0, done.output
    assert "correlation of gap_Br_eV and reduced_mass_Br: 0.6" in done.stdout
    assert done.stdout.endswith(f"stored in {mine}\n")
    assert all(parameter.name in done.stdout for parameter in PARAMETERS)
    mine.write_text(mine.read_text(encoding="utf-8").replace("nominal = 960.0", "nominal = 940.0"), encoding="utf-8")
    checked = vitrail("parameters", "--check", str(mine))
    assert f"1 of {len(PARAMETERS)} parameters differ from the table in {mine}" in checked.stdout
    assert (
        json.loads(vitrail("parameters", "--check", str(mine), "--json").stdout)["parameters"]["nose_K"]["nominal"]
        == 940
    )

    def nominal_um(*arguments: str) -> float:
        out = tmp_path / f"pictures{len(arguments)}"
        explore = ("explore", "size_um", "--vary", "speed_mm_s", "--points", "3", "--draws", "10", "--out", str(out))
        assert vitrail(*explore, *arguments).exit_code == 0
        with (out / "size_um-over-speed_mm_s.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
        return float(rows[1]["nominal (um)"])

    assert nominal_um("--parameters", str(mine)) > nominal_um() + 0.1


def test_a_parameter_file_that_is_wrong_is_bad_input(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("[parameters.nose]\nnominal = 1.0\n", encoding="utf-8")
    for command in (
        ("parameters", "--check", str(mine)),
        ("explore", "size_um", "--vary", "speed_mm_s", "--parameters", str(mine)),
    ):
        done = vitrail(*command)
        assert done.exit_code == 2
        assert "did you mean nose_K?" in done.stderr
    assert vitrail("parameters", "--out", str(tmp_path / "mine.csv")).exit_code == 2
