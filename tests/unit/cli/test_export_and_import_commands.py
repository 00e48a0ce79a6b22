"""`vitrail import` and `vitrail export`: exit codes, words, and what is written and what is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import pytest
from click.testing import CliRunner, Result

from beamline.cli import main
from beamline.records import Records

EXAMPLE = Path(__file__).parents[3] / "examples" / "manual-runs"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(EXAMPLE, tmp_path / "lab")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def vitrail(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def imported() -> Result:
    return vitrail("import", "lab/runs.csv", "--by", "A. Student", "--name", "by-hand")


def test_a_dry_run_writes_nothing(lab: Path) -> None:
    done = vitrail("import", "lab/runs.csv", "--by", "A. Student", "--dry-run")
    assert done.exit_code == 0
    assert "4 sites on 1 coupon would be imported as campaign runs" in done.output
    assert [p.name for p in lab.iterdir()] == ["lab"]


def test_a_wrong_table_is_refused_whole(lab: Path) -> None:
    path = lab / "lab" / "runs.csv"
    path.write_text(path.read_text().replace(",200,", ",2000,"))
    done = imported()
    assert done.exit_code == 2
    assert "pulse_energy_uJ (row 4): 2000 uJ is too high; allowed: 1 to 400 uJ" in done.output
    assert [p.name for p in lab.iterdir()] == ["lab"]
    assert vitrail("import", "none.csv", "--by", "A").exit_code == 2
    assert vitrail("import", "lab/runs.csv").exit_code == 2  # nobody says who
    assert vitrail("import", "lab/runs.csv", "--by", "A", "--name", "../up").exit_code == 2
    assert vitrail("import", "lab/runs.csv", "--by", "A", "--after", "night").exit_code == 2


def test_once_and_not_twice_and_no_report_of_a_night(lab: Path) -> None:
    assert imported().exit_code == 0
    again = imported()
    assert again.exit_code == 2
    assert "was imported on" in again.output
    assert len(Records(lab / "vitrail-data").runs()) == 5
    report = vitrail("campaign", "report")
    assert report.exit_code == 2
    assert "manual runs" in report.output


def test_exports_refuse_what_they_cannot_do_and_write_nothing_over(lab: Path) -> None:
    assert imported().exit_code == 0
    (lab / "there").mkdir()
    for words in (
        ("csv", "by-hand", "--out", "there"),
        ("csv", "other", "--out", "new"),
        ("nexus", "other", "--out", "new"),
        ("nexus", "by-hand", "--out", "there"),
        ("crate", "by-hand", "--out", "new"),
        ("crate", "by-hand", "--out", "new", "--license", "my own words"),
        ("crate", "by-hand", "--out", "there", "--license", "CC0-1.0"),
        ("verify", "there"),
        ("verify", "lab/runs.csv"),
    ):
        done = vitrail("export", *words)
        assert done.exit_code == 2, (words, done.output)
        assert isinstance(done.exception, SystemExit)
    assert not (lab / "new").exists()
    assert list((lab / "there").iterdir()) == []


def test_nexus_takes_campaigns_and_runs(lab: Path) -> None:
    assert imported().exit_code == 0
    (run,) = Records(lab / "vitrail-data").runs(purpose="measurement")
    for name, n_entries in (("by-hand", 9), (run.uid[:8], 5)):
        assert vitrail("export", "nexus", name, "--out", f"{name}.nxs").exit_code == 0
        with h5py.File(f"{name}.nxs") as file:
            assert len(file) == n_entries
            assert file["H01_A1/analysis/outcome/kind"].asstr()[()] == "luminescence"
            assert "incident_wavelength" not in file["H01_A1/instrument/beam_excitation"]  # nobody told it


def test_nexus_takes_a_run_of_an_experiment_that_no_campaign_began(lab: Path) -> None:
    assert imported().exit_code == 0
    records = Records(lab / "vitrail-data")
    (run,) = records.runs(purpose="measurement")
    (first,) = records.runs(purpose="import")
    (log,) = (lab / "vitrail-data").rglob(f"*{first.uid}*")
    log.unlink()  # as of an experiment by hand: runs with a campaign's label, and no run that begins one
    done = vitrail("export", "nexus", run.uid[:8], "--out", "one.nxs")
    assert (done.exit_code, done.output) == (0, "one.nxs: 1 run\n")
    with h5py.File("one.nxs") as file:
        entry = next(entry for name, entry in file.items() if name.endswith(run.uid[:8]))
        assert entry["entry_identifier_uuid"].asstr()[()] == run.uid


def test_a_crate_that_was_changed_has_exit_code_1(lab: Path) -> None:
    assert imported().exit_code == 0
    assert vitrail("export", "crate", "by-hand", "--out", "c", "--license", "CC0-1.0").exit_code == 0
    assert vitrail("export", "verify", "c").exit_code == 0
    with (lab / "c" / "tables" / "sites.csv").open("a") as file:
        file.write("\n")
    done = vitrail("export", "verify", "c")
    assert done.exit_code == 1
    assert "tables/sites.csv: changed" in done.output


@pytest.mark.usefixtures("lab")
def test_with_json_standard_output_is_one_document() -> None:
    table = ("import", "lab/runs.csv", "--by", "A. Student", "--name", "by-hand")
    would = json.loads(vitrail(*table, "--dry-run", "--json").stdout)
    assert (would["campaign"], would["n_sites"]) == ({"name": "by-hand", "uid": None}, 4)
    made = json.loads(vitrail(*table, "--json").stdout)
    uid = made["campaign"]["uid"]
    tables = json.loads(vitrail("export", "csv", uid[:8], "--out", "tables", "--json").stdout)
    assert tables["n_sites"] == 4
    assert all(Path(file).is_file() for file in tables["files"])
    nexus = json.loads(vitrail("export", "nexus", uid[:8], "--out", "one.nxs", "--json").stdout)
    assert len(nexus["runs"]) == 5
    crate = json.loads(vitrail("export", "crate", uid[:8], "--out", "crate", "--license", "CC0-1.0", "--json").stdout)
    assert (crate["is_sound"], crate["problems"]) == (True, [])
    (next(Path("crate").rglob("*.csv"))).write_text("something else")
    checked = vitrail("export", "verify", "crate", "--json")
    assert checked.exit_code == 1
    assert json.loads(checked.stdout)["is_sound"] is False
    coupon = json.loads(vitrail("coupons", "--json").stdout)[0]["serial"]
    marked = vitrail("coupons", "mark", coupon, "damaged", "--reason", "a crack", "--json")
    assert json.loads(marked.stdout) | {"run": ""} == {"coupon": coupon, "sites": [], "condition": "damaged", "run": ""}
