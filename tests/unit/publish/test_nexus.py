"""NeXus files: what is in the log is in the file, to the bit and with its units; others can read and validate it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from beamline.publish import Results, write_nexus
from beamline.publish.nexus import _field, _free_name
from beamline.recipe import Luminescence
from beamline.records import Records


@pytest.fixture(scope="module")
def path(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nexus(tmp_path_factory.mktemp("nexus") / "a.nxs", results.runs, results)


def fields(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, node: found.__setitem__(name, dict(node.attrs)) if isinstance(node, h5py.Dataset) else None
        )
    return found


def test_every_stream_of_every_run_is_there_to_the_bit_with_its_units(path: Path, results: Results) -> None:
    n_compared = 0
    with h5py.File(path) as file:
        for run in results.runs:
            entry = next(e for name, e in file.items() if name.endswith(run.uid[:8]))
            assert entry["entry_identifier_uuid"].asstr()[()] == run.uid
            assert json.loads(entry["start_document/data"].asstr()[()])["uid"] == run.uid
            for stream in run.streams:
                table, config = run.table(stream), run.config(stream)
                for key, values in table.items():
                    field = entry[stream][key]
                    if values.dtype.kind == "U":
                        assert field.asstr()[()].tolist() == values.tolist()
                    else:
                        assert field.dtype == values.dtype
                        np.testing.assert_array_equal(field[()], values)
                        assert field.attrs["units"] == (table.units[key] or "1")
                    n_compared += 1
                for key, value in config.items():
                    field = entry[f"{stream}_configuration"][key]
                    if not isinstance(value, str):
                        np.testing.assert_array_equal(field[()], value)
                        assert field.attrs["units"] == config.units[key]
    assert n_compared > 60


def test_the_spectra_of_the_sites_are_those_of_the_log_and_their_outcomes_those_that_were_learned_from(
    path: Path, results: Results
) -> None:
    with h5py.File(path) as file:
        for site in results.sites:
            title = f"Photoluminescence of site {site.site.name} on coupon {site.coupon.serial}"
            entry = next(e for e in file.values() if e["title"].asstr()[()] == title)
            taken, observation = site.spectrum, site.observation
            assert taken is not None
            assert observation is not None
            assert entry["definition"].asstr()[()] == "NXoptical_spectroscopy"
            assert entry["experiment_type"].asstr()[()] == "photoluminescence"
            np.testing.assert_array_equal(entry["data/counts"][()], taken.counts)
            np.testing.assert_array_equal(entry["data/dark_counts"][()], taken.dark_counts)
            np.testing.assert_array_equal(entry["data/wavelength"][()], taken.wavelength_nm)
            assert entry["data/wavelength"].attrs["units"] == "nm"
            assert "simulated" in entry["instrument/name"].asstr()[()]
            settings = entry["sample/history/writing/settings"]
            assert settings["pulse_energy_uJ"][()] == observation.writing.pulse_energy_uJ
            assert settings["pulse_energy_uJ"].attrs["units"] == "uJ"
            if isinstance(observation.outcome, Luminescence):
                band = observation.outcome.bands[0]
                assert entry[f"analysis/outcome/{band.phase}/peak_eV"][()] == band.peak_eV


def test_the_default_path_leads_to_a_plot_and_times_have_zones(path: Path) -> None:
    with h5py.File(path) as file:
        entry = file[file.attrs["default"]]
        data = entry[entry.attrs["default"]]
        assert [g.attrs["NX_class"] for g in (file, entry, data)] == ["NXroot", "NXentry", "NXdata"]
        signal, axes = data[data.attrs["signal"]], [data[axis] for axis in data.attrs["axes"]]
        assert signal.shape == tuple(len(axis) for axis in axes)
        for each in file.values():
            assert datetime.fromisoformat(each["start_time"].asstr()[()]).tzinfo is not None


def test_every_number_has_a_unit(path: Path) -> None:
    with h5py.File(path) as file:
        bare = [
            n for n, attributes in fields(path).items() if "units" not in attributes and file[n].dtype.kind in "fiu"
        ]
    assert bare == []


def test_a_validator_that_nobody_here_wrote_finds_it_valid_and_one_without_its_definition_not(
    path: Path, results: Results, tmp_path: Path
) -> None:
    wrong = shutil.copyfile(path, tmp_path / "wrong.nxs")
    with h5py.File(wrong, "a") as file:
        del file[file.attrs["default"]]["experiment_type"]
    code = "import sys; from pynxtools.dataconverter.validate_file import validate; [validate(f) for f in sys.argv[1:]]"
    done = subprocess.run(
        [sys.executable, "-c", code, path, wrong], capture_output=True, text=True, timeout=100, check=True
    )
    said = (done.stdout + done.stderr).splitlines()
    valid = [line for line in said if "is valid according to the `NXoptical_spectroscopy`" in line]
    invalid = [line for line in said if "is NOT valid" in line]
    n_sites = len(results.sites)
    assert len([line for line in valid if str(path) in line or "a.nxs" in line]) == n_sites == 4
    assert len([line for line in invalid if "wrong.nxs" in line]) == 1
    assert len(invalid) == 1


def test_the_same_records_give_the_same_bytes(path: Path, results: Results, tmp_path: Path) -> None:
    assert write_nexus(tmp_path / "a.nxs", results.runs, results).read_bytes() == path.read_bytes()


def test_a_file_that_exists_is_not_touched_and_nothing_is_left_after_a_failure(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there.nxs"
    there.write_text("mine")
    with pytest.raises(FileExistsError, match="another name"):
        write_nexus(there, results.runs, results)
    with pytest.raises(ValueError, match="no runs"):
        write_nexus(tmp_path / "b.nxs", ())
    monkeypatch.setattr("beamline.publish.nexus._stream", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_nexus(tmp_path / "c.nxs", results.runs, results)
    assert [p.name for p in tmp_path.iterdir()] == ["there.nxs"]


def test_single_runs_need_no_campaign(records: Records, tmp_path: Path) -> None:
    runs = records.runs(purpose="measurement")[:1]
    with h5py.File(write_nexus(tmp_path / "one.nxs", runs)) as file:
        assert len([e for e in file.values() if "definition" in e]) == 2
        assert "name" in file[file.attrs["default"]]["sample"]


def test_names_that_fall_together_stay_apart_and_odd_values_are_kept(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for name in ("C-1_A1", "C_1_A1", "C.1_A1"):
            file.create_group(_free_name(file, name))
        assert sorted(file) == ["C_1_A1", "C_1_A1_n2", "C_1_A1_n3"]
        ragged = np.empty(2, dtype=object)
        ragged[:] = [np.arange(2.0), np.arange(3.0)]
        assert [a.tolist() for a in _field(file, "ragged", ragged)[()]] == [[0, 1], [0, 1, 2]]
        assert json.loads(_field(file, "table", {"a": [1]}).asstr()[()]) == {"a": [1]}
