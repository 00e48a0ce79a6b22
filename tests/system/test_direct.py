"""Runs of every kind, stored from inside the process that serves the catalog: what readers get is what the logs say."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from event_model import compose_run

from beamline.records import CheckReport, LogWriter, Records, check_catalog, close_orphans
from beamline.records.access import reader_access
from beamline.records.ingest import Ingester, IngestState
from beamline.records.layout import Layout
from beamline.records.server import CatalogServer, catalog_config, prepare_database

pytestmark = [
    pytest.mark.timeout(120),  # Tiled's server takes 5 s to import, more on a busy machine
    pytest.mark.filterwarnings(
        "ignore"
    ),  # what Tiled's libraries say of each other; other tests have it in a process apart
]

KEY = "k" * 64
NUMBER = {"source": "", "dtype": "number", "shape": [], "dtype_numpy": "<f8"}


class Catalog:
    """A catalog that is served from here, its ingester, and a client."""

    def __init__(self, folder: Path) -> None:
        from tiled.client import from_uri

        self.layout = Layout.of(folder)
        self.layout.catalog.mkdir(parents=True, exist_ok=True)
        prepare_database(self.layout)
        self.server = CatalogServer(catalog_config(self.layout, KEY), reader_access(self.layout))
        self.server.start()
        self.client = from_uri(self.server.url, api_key=KEY, trust_env=False)

    def ingest(self) -> None:
        ingester = Ingester(self.layout, self.client, self.server.root)
        while ingester.step() is not None:
            pass

    def check(self) -> CheckReport:
        return check_catalog(self.layout.folder, self.client)

    def forget(self, *uids: str) -> None:
        """As if the ingester had been killed before it said that a run is in."""
        path = self.layout.catalog / "ingested.jsonl"
        kept = [line for line in path.read_text().splitlines() if not any(uid in line for uid in uids)]
        path.write_text("".join(f"{line}\n" for line in kept))


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    made = Catalog(tmp_path_factory.mktemp("direct"))
    yield made
    made.client.context.http_client.close()
    made.server.stop()


def record(folder: Path, streams: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]], **about: Any) -> str:
    """One run; its streams as data keys and the data of their events. Returns its uid."""
    run = compose_run(metadata=about)
    with LogWriter(folder) as log:
        log("start", run.start_doc)
        for name, (keys, events) in streams.items():
            stream = run.compose_descriptor(name=name, data_keys=keys, validate=False)
            log("descriptor", stream.descriptor_doc)
            for data in events:
                log("event", stream.compose_event(data=data, timestamps=dict.fromkeys(data, 1.0), validate=False))
        if about.get("must_end", True):
            log("stop", run.compose_stop())
    return str(run.start_doc["uid"])


def array(*shape: int) -> dict[str, Any]:
    return {"source": "", "dtype": "array", "shape": list(shape), "dtype_numpy": "<f8"}


def state(catalog: Catalog, uid: str) -> str:
    return IngestState(catalog.layout).entries()[uid].status


def test_runs_of_every_kind_are_in_as_the_logs_say(catalog: Catalog) -> None:
    folder = catalog.layout.folder
    empty = record(
        folder, {}, purpose="decision", note="µm → “Ωμέγα” 玻璃 \N{SPARKLES}", nested={"ä": [1, {"b": None}]}
    )
    no_events = record(folder, {"intents": ({"x": NUMBER}, [])}, purpose="writing")
    texts = {"site_name": {"source": "", "dtype": "string", "shape": []}, "x": NUMBER}
    odd = [{"site_name": "Stück 玻璃", "x": float("nan")}, {"site_name": "", "x": 1e300}]
    unicode = record(folder, {"spectra": (texts, odd), "dark": ({"x": NUMBER}, [{"x": 1.5}])}, purpose="measurement")
    pictures = [{"counts": np.arange(12.0).reshape(3, 4) + n} for n in range(3)]
    arrays = record(folder, {"spectra": ({"counts": array(3, 4)}, pictures)}, purpose="measurement")
    killed = record(folder, {"furnace": ({"T": NUMBER}, [{"T": 20.0}, {"T": 21.0}])}, purpose="anneal", must_end=False)
    assert [closed.uid for closed in close_orphans(folder)] == [killed]
    catalog.ingest()
    report = catalog.check()
    assert report.is_good, (report.damage, report.differences)
    assert (report.n_compared, report.n_events, report.n_arrays) == (5, 8, 3)
    assert {state(catalog, uid) for uid in (empty, no_events, unicode, arrays, killed)} == {"in"}
    assert catalog.client[empty].start["note"] == "µm → “Ωμέγα” 玻璃 \N{SPARKLES}"
    assert catalog.client[killed].stop["exit_status"] == "abort"
    np.testing.assert_array_equal(catalog.client[arrays]["spectra"]["counts"].read()[2], pictures[2]["counts"])


def test_an_array_that_changes_its_length_is_told_by_the_check(catalog: Catalog) -> None:
    """Tiled's table of arrays has one shape: a shorter spectrum is padded, and the log alone has what was measured."""
    events = [{"counts": [1.0, 2.0, 3.0]}, {"counts": [4.0, 5.0]}]
    uid = record(catalog.layout.folder, {"spectra": ({"counts": array(3)}, events)}, purpose="measurement")
    catalog.ingest()
    assert state(catalog, uid) == "in"
    (found,) = [difference for difference in catalog.check().differences if difference.uid == uid]
    assert (found.stream, found.seq_num, found.key) == ("spectra", 2, "counts")
    for path in catalog.layout.log_files():  # the tests after this one compare the whole folder
        if uid in path.name:
            path.unlink()
    catalog.client.delete_contents(uid, recursive=True, external_only=False)


def test_what_a_killed_ingester_has_left_is_replaced_and_a_run_is_never_in_twice(catalog: Catalog) -> None:
    folder = catalog.layout.folder
    keys = {"counts": array(4), "x": NUMBER}
    events = [{"counts": np.full(4, float(n)), "x": float(n)} for n in range(3)]
    left, half, whole = (record(folder, {"spectra": (keys, events)}, purpose="measurement", n=n) for n in range(3))
    catalog.ingest()
    # Killed before the transaction: data are there, and no node knows them.
    arrays = catalog.layout.arrays / left
    shutil.copytree(arrays, arrays.with_name("kept"))
    catalog.client.delete_contents(left, recursive=True, external_only=False)
    shutil.rmtree(arrays, ignore_errors=True)
    arrays.with_name("kept").rename(arrays)
    # Killed while the server's way was taken: a node without its stop document.
    catalog.client[half].base.replace_metadata({"start": dict(catalog.client[half].start)}, drop_revision=True)
    assert "stop" not in catalog.client[half].metadata
    catalog.forget(left, half, whole)
    assert left not in list(catalog.client)
    catalog.ingest()
    assert {state(catalog, uid) for uid in (left, half, whole)} == {"in"}
    uids = list(catalog.client)
    assert len(set(uids)) == len(uids) == len(Records(folder).runs())
    report = catalog.check()
    assert report.is_good, report.differences


def test_a_run_is_in_whole_or_not_at_all(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    from beamline.records import direct

    keys = {"counts": array(4)}
    uid = record(catalog.layout.folder, {"spectra": (keys, [{"counts": np.zeros(4)}])}, purpose="measurement")

    async def fail(*_arguments: Any) -> dict[str, int]:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(direct, "_asset_ids", fail)  # after the nodes of the run were entered
        catalog.ingest()
    entry = IngestState(catalog.layout).entries()[uid]
    assert entry.status == "failed"
    assert "the disk is full" in entry.reason
    assert uid not in list(catalog.client)
    assert not (catalog.layout.arrays / uid).exists()
    catalog.ingest()  # what failed is tried again by the next one
    assert state(catalog, uid) == "in"
    assert catalog.check().is_good


def test_a_log_that_speaks_of_another_run_stays_out(catalog: Catalog) -> None:
    folder = catalog.layout.folder
    uid = record(folder, {}, purpose="decision")
    (path,) = [path for path in catalog.layout.log_files() if uid in path.name]
    twin = path.with_name(path.name.replace(uid, "another"))
    twin.write_bytes(path.read_bytes())
    catalog.ingest()
    assert state(catalog, "another") == "failed"
    assert list(catalog.client).count(uid) == 1
    twin.unlink()
