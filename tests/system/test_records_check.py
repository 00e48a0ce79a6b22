"""`vitrail records check` and `rebuild`, on a real catalog."""

from __future__ import annotations

import importlib.util
import json
import secrets
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands_in_process import vitrail

import beamline.records.rebuild as rebuilding
from beamline.records import (
    CatalogError,
    CatalogOwner,
    Criteria,
    LogWriter,
    ReconstructedWarning,
    Records,
    Run,
    close_catalog,
    find_runs,
    find_uids_in_catalog,
    open_catalog,
    read_run,
    rebuild_catalog,
    replay,
    stored_streams,
)
from beamline.records.codec import encode
from beamline.records.endpoint import is_owned
from beamline.records.frames import HEADER, pack_frame
from beamline.records.ingest import IngestState
from beamline.records.layout import Layout
from beamline.records.locks import FileLock, session_lock

pytestmark = pytest.mark.timeout(300)  # Tiled's server takes 5 s to import, more on a busy machine

SYNTHETIC = Path(__file__).parents[1] / "unit" / "records" / "synthetic.py"
spec = importlib.util.spec_from_file_location("records_synthetic", SYNTHETIC)
assert spec is not None
assert spec.loader is not None
synthetic: Any = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = synthetic
spec.loader.exec_module(synthetic)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A night's, with a space in its name."""
    made = tmp_path_factory.mktemp("a night") / "records"
    with LogWriter(made) as log:
        synthetic.night(log)
    return made


@pytest.fixture(scope="module")
def opened(folder: Path) -> Iterator[Path]:
    """Its catalog was opened here, by which its owner was started."""
    client = open_catalog(folder)
    client.context.http_client.close()
    CatalogOwner(folder).flush(100)
    yield folder
    close_catalog(folder)
    assert not is_owned(Layout.of(folder))


@pytest.fixture
def owned(opened: Path) -> Path:
    """A night with its catalog and a living owner, whom whoever checks asks."""
    assert is_owned(Layout.of(opened))
    return opened


def check(folder: Path, *options: str) -> tuple[int, dict[str, Any]]:
    done = vitrail("records", "check", "--json", *options, "--data", folder)
    assert done.stdout.startswith("{"), done.stderr
    return done.returncode, json.loads(done.stdout)


def change_log(path: Path, change: Callable[[str, dict[str, Any]], None]) -> bytes:
    """Rewrite a log with changed documents, its frames and checksums right; gives back what it was."""
    before = path.read_bytes()
    frames = []
    for number, (name, doc) in enumerate(read_run(path)):
        change(name, doc)
        frames.append(pack_frame(number, encode([name, doc])))
    path.write_bytes(HEADER + b"".join(frames))
    return before


def test_an_equal_catalog_is_proved_and_each_difference_is_named(owned: Path) -> None:
    code, report = check(owned)
    assert code == 0
    assert report["is_good"]
    assert (report["n_runs"], report["n_compared"], report["n_events"], report["n_arrays"]) == (9, 9, 26, 8)
    assert report["n_documents"] == 28

    writing = Records(owned).runs(purpose="writing")[0].path
    measurement = Records(owned).runs(purpose="measurement")[1].path
    anneal = Records(owned).runs(purpose="heat_treatment")[0]

    def other_energy(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and doc["seq_num"] == 2 and "laser_pulse_energy_uJ" in doc["data"]:
            doc["data"]["laser_pulse_energy_uJ"] = np.nextafter(doc["data"]["laser_pulse_energy_uJ"], 1e9).item()
        if name == "stop":
            doc["exit_status"] = "abort"

    def other_pixel(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and doc["data"]["site_name"] == "S01":
            counts = doc["data"]["spectrometer_counts"].copy()
            counts[1234] += 1.0
            doc["data"]["spectrometer_counts"] = counts

    kept = [(path, change_log(path, change)) for path, change in ((writing, other_energy), (measurement, other_pixel))]
    away = anneal.path.with_name("away")
    anneal.path.rename(away)
    code, report = check(owned)
    assert code == 1
    found = {(d["uid"], d["stream"], d["seq_num"], d["key"]) for d in report["differences"]}
    uid, other = (Records(owned).run(path.stem.split("_")[1]).uid for path in (writing, measurement))
    assert found == {
        (uid, "intents", 2, "laser_pulse_energy_uJ"),
        (uid, "exposures", 2, "laser_pulse_energy_uJ"),
        (uid, "", None, "stop.exit_status"),
        (other, "spectra", 2, "spectrometer_counts"),
        (anneal.uid, "", None, ""),
    }
    (pixel,) = [d["detail"] for d in report["differences"] if d["key"] == "spectrometer_counts"]
    assert "1 of 2048 elements; first at [1234]" in pixel

    for path, data in kept:
        path.write_bytes(data)
    away.rename(anneal.path)
    with LogWriter(owned) as log:  # runs that go on are counted, not compared; finished ones are taken in first
        late = synthetic.Writer(log, "late", synthetic.T0 + 1e6)
        late.anneal(5)
        late.measure(5, end=None)
        code, report = check(owned)
    assert code == 0
    assert (report["n_runs"], report["n_running"], report["n_compared"]) == (11, 1, 10)
    code, report = check(owned, "--logs-only")
    assert code == 1
    assert "no end" in report["damage"][0]
    Records(owned).close_orphans()


SEARCHES: tuple[dict[str, Any], ...] = (
    {},
    {"campaign": "night-1", "purpose": "writing"},
    {"coupon": "C02"},
    {"glass": "Br50I50", "site": "S02"},
    {"recipe": {"pulse_energy_uJ": (21.0, 22.0), "temperature_C": (400.0, 450.0)}},
    {"site": "S01", "recipe": {"pulse_energy_uJ": (20.0, 20.5)}},
    {"since": synthetic.T0 + 10.0, "until": synthetic.T0 + 30.0},
)


def test_searches_and_replays_of_log_and_catalog_agree(owned: Path) -> None:
    CatalogOwner(owned).flush(100)  # whoever owns it takes in what the tests before have recorded
    records = Records(owned)
    client = open_catalog(owned)
    for wanted in SEARCHES:
        criteria = Criteria(**wanted)
        in_log = [run.uid for run in find_runs(records, criteria)]
        assert find_uids_in_catalog(client, criteria) == in_log, wanted
    assert find_runs(records, Criteria(site="S01", recipe={"pulse_energy_uJ": (21.0, 21.0)}))
    run = records.runs(purpose="measurement")[0]
    seen: list[tuple[str, dict[str, Any]]] = []
    with pytest.warns(ReconstructedWarning, match=run.uid):
        replay(client[run.uid], lambda name, doc: seen.append((name, doc)))
    client.context.http_client.close()
    again = Run.of_documents(seen)
    assert [name for name, _doc in seen] == [name for name, _doc in run.documents]
    assert again.start == run.start
    assert again.stop == run.stop
    for stream in run.streams:
        for key, column in run.table(stream).items():
            np.testing.assert_array_equal(again.table(stream)[key], column)
    axis = "spectrometer_wavelength_nm"
    np.testing.assert_array_equal(again.config("spectra")[axis], run.config("spectra")[axis])


def test_the_streams_of_a_run_take_one_request_and_a_few_of_a_server_that_does_not_search_deep(owned: Path) -> None:
    run = Records(owned).runs(purpose="measurement")[0]
    client = open_catalog(owned)
    node = client[run.uid]
    asked: list[str] = []
    hooks = client.context.http_client.event_hooks

    def note(request: Any) -> None:
        asked.append(request.url.path.split("/")[3])

    client.context.http_client.event_hooks = {**hooks, "request": [*hooks["request"], note]}
    streams = stored_streams(node)
    assert asked == ["search-deep"]
    columns = {name: stream.columns() for name, stream in streams.items()}
    assert sorted(asked[1:]) == sorted(["array", "table"] * len(run.streams))
    assert {name: set(stream.numbers_and_words()) for name, stream in streams.items()} == {
        name: set(values) - {"spectrometer_counts"} for name, values in columns.items()
    }
    asked.clear()
    del node.item["links"]["search_deep"]
    again = stored_streams(node)
    assert asked == ["search"] * (1 + len(run.streams))
    client.context.http_client.close()
    assert list(again) == list(streams) == list(columns)
    for stream in run.streams:
        assert list(again[stream].parts) == list(streams[stream].parts)
        assert again[stream].metadata == streams[stream].metadata
        for key, column in run.table(stream).items():
            np.testing.assert_array_equal(columns[stream][key], column)


def test_a_catalog_that_lost_and_changed_runs_is_told_and_made_anew_when_nobody_has_it_open(owned: Path) -> None:
    """The last test of this catalog and its owner."""
    CatalogOwner(owned).flush(100)
    uids = [run.uid for run in Records(owned).runs()]
    client = open_catalog(owned)
    client.delete_contents(uids[0], recursive=True, external_only=False)
    run = client[uids[2]].base
    run.update_metadata({"start": {**run.metadata["start"], "n_coupon": 77}})
    with pytest.raises(CatalogError, match=r"is open.*end the session"):
        rebuild_catalog(owned)
    client.context.http_client.close()
    code, report = check(owned)
    assert code == 1
    assert {(d["uid"], d["key"]) for d in report["differences"]} == {(uids[0], ""), (uids[2], "start.n_coupon")}
    close_catalog(owned)
    assert not is_owned(Layout.of(owned))
    made = vitrail("records", "rebuild", "--data", owned)
    assert made.returncode == 0, made.stderr
    assert f"{len(uids)} runs are in the new catalog, 0 failed" in made.stdout
    assert {path.name for path in owned.iterdir()} - {"reader.json"} == {"log", "catalog"}
    code, report = check(owned)  # nobody owns it: the command starts an owner
    assert (code, report["is_good"], report["n_compared"], report["differences"]) == (0, True, len(uids), [])
    assert not is_owned(Layout.of(owned))


def test_a_rebuild_from_the_logs_alone_that_fails_or_may_not_leaves_the_catalog_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "moved night"
    with LogWriter(folder) as log:
        synthetic.night(log, n_coupons=1)
    uids = [run.uid for run in Records(folder).runs()]
    # What the old catalog says is never asked: it may be damaged, and is kept all the same.
    old = {name: secrets.token_bytes(1000) for name in ("ingested.jsonl", "catalog.db", "tables.duckdb")}
    (folder / "catalog").mkdir()
    for name, data in old.items():
        (folder / "catalog" / name).write_bytes(data)
    with FileLock(session_lock(folder)) as night:
        assert night.acquire()
        with pytest.raises(CatalogError, match="a night or a session is working"):
            rebuild_catalog(folder)

    def killed(stage: Layout, _layout: Layout) -> None:
        assert (stage.catalog / "catalog.db").exists()  # the new one is whole
        made = IngestState(stage).entries()
        assert {uid: entry.status for uid, entry in made.items()} == dict.fromkeys(uids, "in")
        raise KeyboardInterrupt

    monkeypatch.setattr(rebuilding, "_swap", killed)
    with pytest.raises(KeyboardInterrupt):
        rebuild_catalog(folder)
    assert {path.name for path in folder.iterdir()} - {"reader.json"} == {"log", "catalog", "session.lock"}
    assert {name: (folder / "catalog" / name).read_bytes() for name in old} == old
    with pytest.raises(CatalogError, match="no logs"):
        rebuild_catalog(tmp_path / "nothing")
