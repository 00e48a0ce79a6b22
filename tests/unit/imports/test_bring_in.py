"""Into the records: all or nothing, once, and so that the optimiser learns from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bluesky.callbacks import LiveTable

from beamline.campaign import Stop, parse_campaign
from beamline.campaign.history import campaign_history, campaign_uids, find_campaign
from beamline.campaign.observations import coupon_observations
from beamline.imports import AlreadyImportedError, BusyError, ImportFileError, bring_in, read_manual_runs
from beamline.imports.documents import record
from beamline.instrument import Instrument
from beamline.night import earlier_observations, lineage, optimizer_of, run_night, unused_coupons
from beamline.publish import campaign_results, write_tables
from beamline.recipe import Luminescence, Observation
from beamline.records import FileLock, Ledger, LogWriteError, Records, SiteState, session_lock
from beamline.session import open_session

NOW = datetime(2026, 1, 6, 8, 0, tzinfo=UTC)

CAMPAIGN = """
name = "goes-on"
seed = 3
sites.per_coupon = 2
stop.max_coupons = 1
measurement = { integration_s = 0.1, n_averages = 2 }
[space]
hold_s = [600, 900]
[[glass]]
name = "BrI"
bromide = 1.5
iodide = 1.5
[[coupon]]
serial = "M1"
glass = "BrI"
[[coupon]]
serial = "N1"
glass = "BrI"
"""

Write = Callable[..., Path]


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path / "data")


def put(records: Records, path: Path, **more: Any) -> str:
    return bring_in(records, read_manual_runs(path), **({"name": "manual", "by": "A. Student", "now": NOW} | more))


def test_runs_like_those_of_a_night_say_where_they_come_from(table: Write, records: Records) -> None:
    uid = put(records, table())
    runs = records.runs(campaign=uid)
    steps = ["writing", "heat_treatment", "measurement"]
    assert [run.start["purpose"] for run in runs] == ["import", *steps, *steps, "end"]
    assert all(run.start["imported"] and run.state == "finished" and not run.damage for run in runs)
    told = runs[0].start["import"]
    assert (told["by"], told["file"]["name"], len(told["files"])) == ("A. Student", "runs.csv", 5)
    assert all(len(file["sha256"]) == 64 for file in told["files"])
    measured = records.runs(purpose="measurement")[0]
    assert measured.start["sources"]["A"]["spectrum"]["name"] == "M1_A.csv"
    assert measured.table("spectra").units["spectrometer_counts"] == "counts"
    history = campaign_history(records, uid)
    assert (history.state.kind, history.n_coupons, history.n_coupons_max, history.n_sites_measured) == ("done", 2, 2, 4)
    assert {site.state for site in Ledger.of(records.runs()).sites()} == {SiteState.MEASURED}
    assert records.problems() == []


def test_bluesky_s_live_table_takes_them(table: Write, records: Records) -> None:
    uid = put(records, table())
    said: list[str] = []
    records.replay(LiveTable(["furnace_temperature_C"], out=said.append), campaign=uid, purpose="heat_treatment")
    assert sum("import import [" in line for line in said) == 2


def test_observations_are_the_rows(table: Write, records: Records) -> None:
    path = table()
    uid = put(records, path)
    found = earlier_observations(records, uid)
    assert [(o.site.coupon, o.site.name) for o in found] == [("M1", "A"), ("M1", "B"), ("M2", "A"), ("M2", "B")]
    assert [o.outcome for o in found] == [site.outcome for site in read_manual_runs(path).sites]
    assert [o.outcome.kind for o in found] == ["luminescence"] * 3 + ["no_luminescence"]
    first = found[0].outcome
    assert isinstance(first, Luminescence)
    red = first.band("red")
    assert red is not None
    assert red.peak_nm == pytest.approx(640.0, abs=1.0)
    assert found[0].power_at_sample_W is None  # nobody measured it
    history = found[0].heat_history
    assert max(step.temperature_C for step in history) == 480.0
    assert sum(s.duration_s for s in history if s.temperature_C > 479) == pytest.approx(3600.0)
    assert sum(step.duration_s for step in history) == pytest.approx(3600.0 + 2 * 45.5 * 60)


def test_a_logged_furnace_is_taken_as_logged_and_measured_power_too(table: Write, records: Records) -> None:
    path = table(furnace_file="furnace.csv", power_at_sample_W=0.4)
    (path.parent / "furnace.csv").write_text("time_s,temperature_C\n0,25\n3000,500\n6000,500\n9000,25\n")
    (first, *_) = earlier_observations(records, put(records, path))
    assert first.power_at_sample_W == 0.4
    assert sum(step.duration_s for step in first.heat_history) == 9000.0
    assert max(step.temperature_C for step in first.heat_history) == 500.0


@pytest.mark.parametrize("kind", ["physics", "random"])
def test_the_optimiser_learns_from_them(table: Write, records: Records, kind: str) -> None:
    plan = parse_campaign(CAMPAIGN.replace("seed = 3", f'seed = 3\noptimizer.kind = "{kind}"'))
    fresh, taught = optimizer_of(plan), optimizer_of(plan)
    taught.ingest(earlier_observations(records, put(records, table())))
    status = taught.status()
    assert (status.n_observations, status.n_failed, status.n_coupons) == (4, 0, 2)
    assert status.best is not None
    assert status.best.observation.site.coupon == "M1"
    if kind == "physics":
        before = {p.name: p.z_sd for p in fresh.status().parameters}
        narrower = [p.name for p in status.parameters if p.z_sd < 0.9 * before[p.name]]
        assert len(narrower) >= 2
        assert any(abs(p.z) > 0.1 for p in status.parameters)


def test_a_night_goes_on_from_them(table: Write, tmp_path: Path) -> None:
    plan = parse_campaign(CAMPAIGN).model_copy(update={"stop": Stop(max_coupons=1)})
    records = Records(tmp_path / "data")
    uid = put(records, table())
    assert [c.serial for c in unused_coupons(records, plan, uid)] == ["N1"]
    with open_session(
        Instrument(), coupons=plan.coupons, data=tmp_path / "data", seed=3, unattended=False, catalog=False
    ) as session:
        outcome = run_night(session, plan, after=find_campaign(records, "manual"))
    assert outcome.exit_status == "success"
    first = records.runs(campaign=outcome.campaign_uid, purpose="decision")[0].start
    learnt = [Observation.from_json(json.dumps(o)) for o in first["ingested"]]
    assert learnt == list(earlier_observations(records, uid))
    assert first["state"]["n_observations"] == 4
    begin = records.runs(campaign=outcome.campaign_uid, purpose="campaign")[0].start
    assert (begin["after"], begin["learnt_from"]) == (uid, ["M1", "M2"])
    assert lineage(records, outcome.campaign_uid) == (uid, outcome.campaign_uid)
    assert campaign_uids(records) == (uid, outcome.campaign_uid)


def test_they_may_stand_in_the_line_of_an_earlier_campaign(table: Write, records: Records) -> None:
    first = put(records, table())
    rows = [{**row, "coupon": "M9"} for row in _rows(table)[:1]]
    second = put(records, table(rows=rows, name="more.csv"), name="more", after=first)
    assert lineage(records, second) == (first, second)
    assert len(earlier_observations(records, second)) == 5


def _rows(table: Write) -> list[dict[str, Any]]:
    import csv

    with table().open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_is_not_imported_twice_nor_a_site_that_was_exposed(table: Write, records: Records) -> None:
    put(records, table())
    n_runs = len(records.runs())
    with pytest.raises(AlreadyImportedError, match=r"imported on 2026-01-06.*A\. Student.*manual"):
        put(records, table())
    with pytest.raises(ImportFileError) as refused:
        put(records, table(pulse_energy_uJ=130))  # another table, the same sites
    assert len(refused.value.problems) == 4
    assert "site (row 2): the records have A of M1 as measured already" in str(refused.value)
    with pytest.raises(ImportFileError, match="of glass BrI"):
        put(records, table(site="Z", rows=_rows(table)[:1], iodide=3))
    assert len(records.runs()) == n_runs


def test_nothing_is_there_when_the_disk_refuses_in_the_middle(
    table: Write, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(sink: Any, *arguments: Any, **more: Any) -> None:
        n_left = [9]

        def breaking(name: str, doc: dict[str, Any]) -> None:
            n_left[0] -= 1
            if not n_left[0]:
                raise LogWriteError("disk full")
            sink(name, doc)

        record(breaking, *arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr("beamline.imports.intake.record", breaks)
        with pytest.raises(LogWriteError, match="disk full"):
            put(records, table())
    assert records.runs() == []
    uid = put(records, table())
    assert len(records.runs()) == len(records.runs(campaign=uid)) == 8
    assert not list(records.folder.glob(".import-*"))


@pytest.mark.parametrize("n_moved", [0, 1, 5, 7])
def test_an_import_that_was_killed_while_it_moved_is_finished_by_the_next(
    table: Write, records: Records, monkeypatch: pytest.MonkeyPatch, n_moved: int
) -> None:
    class KilledError(BaseException):
        pass

    moves = [n_moved]
    rename = Path.rename

    def kills(self: Path, target: Path) -> Path:
        if self.suffix == ".vlog" and self.parent.parent.suffix == ".ready":
            if not moves[0]:
                raise KilledError
            moves[0] -= 1
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", kills)
        with pytest.raises(KilledError):
            put(records, table())
    assert campaign_uids(records) == ()  # it is no campaign before all of it is there
    with pytest.raises(AlreadyImportedError):
        put(records, table())
    assert len(records.runs()) == 8
    assert records.problems() == []


def test_not_while_a_session_works(table: Write, records: Records) -> None:
    records.folder.mkdir()
    lock = FileLock(session_lock(records.folder))
    assert lock.acquire()
    with pytest.raises(BusyError, match="when it has ended"):
        put(records, table())
    lock.release()
    put(records, table())


def test_what_is_exported_comes_in_again_as_the_same_observations(table: Write, tmp_path: Path) -> None:
    path = table(furnace_file="furnace.csv", power_at_sample_W=0.4, measured_on="2026-01-05")
    (path.parent / "furnace.csv").write_text("time_s,temperature_C\n0,25\n3000,500\n6000,500\n9000,25\n")
    first, second = Records(tmp_path / "data"), Records(tmp_path / "again")
    results = campaign_results(first, put(first, path))
    write_tables(results, tmp_path / "tables")
    uid = put(second, tmp_path / "tables" / "sites.csv")
    for serial in ("M1", "M2"):
        assert coupon_observations(second, uid, serial) == coupon_observations(first, results.uid, serial)
    ones, others = (r.runs(purpose="measurement")[0].table("spectra") for r in (first, second))
    np.testing.assert_array_equal(ones["spectrometer_counts"], others["spectrometer_counts"])


def test_darks_of_one_integration_time_that_differ_make_runs_of_their_own(table: Write, records: Records) -> None:
    path = table()
    file = path.with_name("M1_B.csv")
    rows = [line.split(",") for line in file.read_text().splitlines()]
    file.write_text("\n".join(",".join([a, b, str(float(c) + 1.0) if c[0].isdigit() else c]) for a, b, c in rows))
    wanted = [site.outcome for site in read_manual_runs(path).sites]
    uid = put(records, path)
    runs = records.runs(purpose="measurement")
    assert [len(run.events("spectra")) for run in runs] == [1, 1, 2]
    assert all(len(run.events("dark")) == 1 for run in runs)
    assert [o.outcome for o in earlier_observations(records, uid)] == wanted
