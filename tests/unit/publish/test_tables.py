"""Tables: they read back equal to the records, and their description fits them."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from beamline.publish import Results, write_tables
from beamline.publish.columns import EXPOSURES, FURNACE, SITES, SPECTRUM
from beamline.recipe import Failed, Line, Luminescence


@pytest.fixture(scope="module")
def folder(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables") / "made"
    write_tables(results, folder)
    return folder


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, float_precision="round_trip")


def test_sites_are_those_of_the_records(folder: Path, results: Results) -> None:
    table = read(folder / "sites.csv")
    assert len(table) == len(results.sites) == 4
    for (_, row), site in zip(table.iterrows(), results.sites, strict=True):
        observation = site.observation
        assert observation is not None
        assert isinstance(observation.writing, Line)
        assert (row.coupon, row.site, row.glass) == (site.coupon.serial, site.site.name, "BrI")
        assert (row.x_mm, row.y_mm, row.state) == (site.site.x_mm, site.site.y_mm, "measured")
        assert (row.pulse_energy_uJ, row.speed_mm_s) == (
            observation.writing.pulse_energy_uJ,
            observation.writing.speed_mm_s,
        )
        assert math.isnan(row.exposure_s)
        assert row.power_at_sample_W == observation.power_at_sample_W
        assert site.heat_treatment is not None
        assert (row.temperature_C, row.hold_s) == (site.heat_treatment.temperature_C, site.heat_treatment.hold_s)
        assert bool(row.outcome_as_decided)
        outcome = observation.outcome
        assert row.outcome == outcome.kind
        if isinstance(outcome, Luminescence):
            for phase in ("green", "red"):
                band = outcome.band(phase)
                if band is None:
                    assert math.isnan(row[f"{phase}_peak_eV"])
                else:
                    assert row[f"{phase}_peak_eV"] == band.peak_eV
                    assert row[f"{phase}_peak_nm"] == band.peak_nm
                    assert row[f"{phase}_rate_sd_counts_s"] == band.rate_sd_counts_s


def test_spectra_furnace_and_exposures_are_those_of_the_log(folder: Path, results: Results) -> None:
    sites = read(folder / "sites.csv")
    for (_, row), site in zip(sites.iterrows(), results.sites, strict=True):
        table, taken = read(folder / row.spectrum_file), site.spectrum
        assert taken is not None
        np.testing.assert_array_equal(table.wavelength_nm, taken.wavelength_nm)
        np.testing.assert_array_equal(table.counts, taken.run.table("spectra")["spectrometer_counts"][taken.index])
        np.testing.assert_array_equal(table.dark_counts, taken.dark_counts)
    furnace = read(folder / "furnace.csv")
    for run in results.of_purpose("heat_treatment"):
        own, log = furnace[furnace.run == run.uid], run.table("furnace")
        np.testing.assert_array_equal(own.temperature_C, log["furnace_temperature_C"])
        np.testing.assert_array_equal(own.setpoint_C, log["furnace_setpoint_C"])
        np.testing.assert_array_equal(own.clock_s, log["clock_s"])
    exposures = read(folder / "exposures.csv")
    log_power = np.concatenate(
        [run.table("exposures")["laser_power_at_sample_W"] for run in results.of_purpose("writing")]
    )
    np.testing.assert_array_equal(exposures.power_at_sample_W, log_power)


def test_every_column_is_described_and_every_number_has_a_unit(folder: Path) -> None:
    package = json.loads((folder / "datapackage.json").read_text())
    listed = {r["path"]: [f["name"] for f in r["schema"]["fields"]] for r in package["resources"]}
    written = {p.relative_to(folder).as_posix() for p in folder.rglob("*.csv")}
    assert set(listed) == written
    for path, names in listed.items():
        assert (folder / path).read_text().split("\n", 1)[0].split(",") == names
    for column in (*SITES, *SPECTRUM, *FURNACE, *EXPOSURES):
        assert column.about, column.name
        assert column.unit or column.kind not in ("number", "integer"), column.name
        assert f"`{column.name}`" in (folder / "README.md").read_text()
    assert "simulated" in package["description"]


def test_another_reader_finds_the_package_valid_and_a_word_among_the_numbers_not(folder: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    subprocess.run(["cp", "-r", folder, wrong], check=True)
    furnace = (wrong / "furnace.csv").read_text().splitlines()
    cells = furnace[1].split(",")
    furnace[1] = ",".join([*cells[:-1], "warm"])
    (wrong / "furnace.csv").write_text("\n".join(furnace) + "\n")
    code = (
        "import sys, json, frictionless as f\n"
        "r = [f.validate(p + '/datapackage.json') for p in sys.argv[1:]]\n"
        "print(json.dumps([[x.valid, len(x.tasks), x.flatten(['type', 'fieldName'])] for x in r]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, ".", "../wrong"],
        cwd=_beside(folder, wrong),
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    good, bad = json.loads(done.stdout)
    assert good == [True, 7, []]
    assert bad[0] is False
    assert bad[2] == [["type-error", "setpoint_C"]]


def _beside(folder: Path, wrong: Path) -> Path:
    """A copy beside the wrong one, because the reader takes relative paths alone."""
    right = wrong.parent / "right"
    subprocess.run(["cp", "-r", folder, right], check=True)
    return right


def test_a_site_that_failed_says_why(results: Results, tmp_path: Path) -> None:
    from dataclasses import replace

    first = results.sites[0]
    assert first.observation is not None
    failed = first.observation.model_copy(update={"outcome": Failed(reason='lamp, "broken"\nat night')})
    write_tables(replace(results, sites=(replace(first, observation=failed, spectrum=None),)), tmp_path / "made")
    row = read(tmp_path / "made" / "sites.csv").iloc[0]
    assert (row.outcome, row.failure) == ("failed", 'lamp, "broken"\nat night')
    assert math.isnan(row.spectrum_file)


def test_a_folder_that_exists_is_not_touched_and_nothing_is_left_after_a_failure(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(FileExistsError, match="give another name"):
        write_tables(results, tmp_path / "mine")
    assert list((tmp_path / "mine").iterdir()) == []
    monkeypatch.setattr("beamline.publish.tables._descriptor", lambda *_: 1 / 0)  # when all tables are written
    with pytest.raises(ZeroDivisionError):
        write_tables(results, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
