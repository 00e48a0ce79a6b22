"""The catalog from the outside: its owner, killed and told to end, and readers in processes of their own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from record_processes import Fork, forks, synthetic
from waiting import until

from beamline.records import (
    CatalogError,
    CatalogOwner,
    LogWriter,
    Records,
    Run,
    open_catalog,
    read_run,
    spectrum,
    stored_streams,
)
from beamline.records.endpoint import endpoint_path, is_owned, live_endpoint
from beamline.records.ingest import Backlog, IngestState
from beamline.records.layout import Layout

pytestmark = pytest.mark.timeout(300)  # Tiled's server takes 5 s to import, more on a busy machine

WAIT_S = 60.0


@pytest.fixture(scope="module")
def fork() -> Iterator[Callable[..., Fork]]:
    with forks() as made:
        yield made


# ---------------------------------------------------------------------------------------------- one owner, many readers
@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("records of a night")  # with spaces


@pytest.fixture(scope="module")
def owner(folder: Path, fork: object) -> Iterator[CatalogOwner]:
    assert fork  # both import for seconds: at the same time
    with CatalogOwner(folder) as started:
        with LogWriter(folder) as log:
            synthetic.night(log)  # while the catalog is being made
        report = started.flush(100)
        assert report.failed == report.damaged == ()
        assert report.n_in == 9
        yield started
    assert not is_owned(Layout.of(folder))
    assert not endpoint_path(Layout.of(folder)).exists()


READER = """
from tiled.queries import FullText, Key
from beamline.records import open_catalog, spectrum
catalog = open_catalog(sys.argv[1])
found = catalog.search(Key("purpose") == "measurement").search(Key("coupon.serial") == "C02")
(run,) = found.values()
wavelength_nm, counts, units = spectrum(run, "S01")
full_text = len(catalog.search(FullText("Br50I50")))
by_campaign = len(catalog.search(Key("campaign.name") == "night-1"))
before = len(catalog)
if len(sys.argv) > 2:
    print("ready", flush=True)
    sys.stdin.readline()
    import time
    end = time.monotonic() + 60
    while len(catalog) <= before and time.monotonic() < end:
        time.sleep(0.1)
print(json.dumps({
    "uid": run.start["uid"], "stop": run.stop["exit_status"], "n_runs": before, "n_after": len(catalog),
    "full_text": full_text, "by_campaign": by_campaign,
    "nothing": len(catalog.search(Key("purpose") == "measurment")),
    "wavelength_nm": list(wavelength_nm), "counts": list(counts), "units": units,
    "sites": list(run["spectra"]["site_name"].read()),
    "started_owner": "beamline.records.server" in sys.modules,
}))
"""


@pytest.mark.usefixtures("owner")
def test_readers_find_runs_and_spectra_while_the_night_goes_on(folder: Path, fork: Callable[..., Fork]) -> None:
    readers = [fork(READER, folder, "wait"), fork(READER, folder, "wait")]
    for reader in readers:
        assert reader.stdout.readline() == "ready\n"
    n_runs, n_night = len(Records(folder).runs()), len(Records(folder).runs(campaign="night-1"))
    with LogWriter(folder) as log:
        late = synthetic.Writer(log, "night-1", synthetic.T0 + 1e5).measure(7)
    (expected,) = Records(folder).runs(purpose="measurement", coupon="C02")
    for reader in readers:
        reader.stdin.write("go\n")
        reader.stdin.flush()
    for reader in readers:
        seen = reader.result()
        assert seen["uid"] == expected.uid
        assert seen["n_runs"] == n_runs
        assert seen["n_after"] == n_runs + 1
        assert seen["full_text"] == n_runs - 1  # all but the campaign's own run speak of the glass
        assert seen["by_campaign"] == n_night
        assert seen["nothing"] == 0
        assert seen["sites"] == ["S00", "S01", "S02"]
        in_log = spectrum(expected, "S01")
        np.testing.assert_array_equal(seen["wavelength_nm"], in_log.wavelength_nm)
        np.testing.assert_array_equal(seen["counts"], in_log.counts)
        assert seen["units"] == in_log.units == {"wavelength_nm": "nm", "counts": "counts"}
        assert not seen["started_owner"]
    assert Records(folder).run(late.uid).state == "finished"


DATABROKER = """
import databroker.client
from beamline.records import open_catalog, spectrum
catalog = open_catalog(sys.argv[1])
uid = sys.argv[2]
v3_counts = [float(value) for value in catalog[uid]["spectra"]["spectrometer_counts"][1]]
header = catalog.v1[uid]
table = header.table("spectra")
dataset = catalog.v2[uid]["spectra"].read()
print(json.dumps({
    "v1_start": header.start["uid"], "v1_sites": list(table["site_name"]),
    "v1_counts": [float(value) for value in table["spectrometer_counts"].iloc[1]],
    "v2_counts": [float(value) for value in dataset["spectrometer_counts"].values[1]],
    "v3_counts": v3_counts, "after_v2": list(spectrum(catalog[uid], "S01").counts),
    "last": catalog.v2[-1].start["uid"], "is_ours": isinstance(catalog, databroker.client.CatalogOfBlueskyRuns),
    "partial": catalog[uid[:8]].start["uid"],
    "documents": [name for name, _ in catalog[uid].documents()],
}))
"""


@pytest.mark.usefixtures("owner")
def test_users_of_databroker_find_what_they_know(folder: Path, fork: Callable[..., Fork]) -> None:
    (run,) = Records(folder).runs(purpose="measurement", coupon="C01")
    seen = fork(DATABROKER, folder, run.uid).result()
    expected = spectrum(run, "S01").counts
    for way in ("v1_counts", "v2_counts", "v3_counts", "after_v2"):
        np.testing.assert_array_equal(seen[way], expected)
    assert seen["v1_start"] == seen["partial"] == run.uid
    assert seen["v1_sites"] == ["S00", "S01", "S02"]
    assert seen["is_ours"]
    assert sorted(seen["documents"]) == sorted(name for name, _doc in run.documents)


@pytest.mark.usefixtures("owner")
def test_the_page_on_reading_records_is_true(folder: Path, tmp_path: Path, fork: Callable[..., Fork]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "read-records.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python no-run\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 5
    (tmp_path / "vitrail-data").symlink_to(folder)
    code = "\n".join(blocks) + "\nprint(json.dumps([len(counts), units, len(dataset['site_name'])]))"
    seen = fork(f"os.chdir({str(tmp_path)!r})\n{code}").result()
    assert seen == [2048, {"wavelength_nm": "nm", "counts": "counts"}, 3]


def test_the_key_is_needed_and_private(folder: Path, owner: CatalogOwner) -> None:
    endpoint = owner.wait_ready()
    assert stat.S_IMODE(endpoint_path(Layout.of(folder)).stat().st_mode) == 0o600
    with httpx.Client(base_url=endpoint.url, trust_env=False) as client:
        right = {"Authorization": f"Apikey {endpoint.api_key}"}
        wrong = {"Authorization": f"Apikey {endpoint.api_key[::-1]}"}
        assert client.get("metadata/", headers=right).status_code == 200
        for path in ("metadata/", "search/"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers=wrong).status_code == 401
            assert client.get(path, params={"api_key": "guess"}).status_code == 401
        assert client.delete("metadata/anything").status_code in (401, 403)
    assert endpoint.api_key not in owner.log_path.read_text()


def test_nothing_listens_beyond_loopback(owner: CatalogOwner) -> None:
    endpoint = owner.wait_ready()
    inodes = {str(path.readlink()) for path in Path(f"/proc/{endpoint.pid}/fd").iterdir()}
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{endpoint.pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                listening.append(fields[1].split(":")[0])
    assert listening == [socket.inet_aton("127.0.0.1")[::-1].hex().upper()]


def test_a_second_owner_is_refused_and_a_second_night_makes_do(folder: Path, owner: CatalogOwner) -> None:
    command = [sys.executable, "-m", "beamline.records.owner", str(folder)]
    refused = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 3
    assert "owned by another" in refused.stderr
    second = CatalogOwner(folder).start()
    with LogWriter(folder) as log:
        synthetic.Writer(log, "night-2", synthetic.T0 + 2e5).anneal(8)
    report = second.flush(60)
    assert report.n_in == len(Records(folder).runs())
    second.stop()
    assert owner.is_running
    assert live_endpoint(Layout.of(folder)) is not None


def test_a_damaged_log_stops_none_of_the_others(folder: Path, owner: CatalogOwner) -> None:
    with LogWriter(folder) as log:
        writer = synthetic.Writer(log, "night-3", synthetic.T0 + 3e5)
        for number in (20, 21, 22):
            writer.anneal(number)
    flipped, headless, healthy = Records(folder).runs(campaign="night-3")
    # The owner may be quicker than this test: the damaged ones come as new files.
    for run, where in ((flipped, -400), (headless, 40)):
        data = bytearray(run.path.read_bytes())
        data[where] ^= 0x10
        uid = f"damaged-{run.uid[:8]}"
        name = run.path.name.replace(run.uid, uid)
        replaced = bytes(data)
        run.path.with_name(f".{name}").write_bytes(replaced)
        run.path.with_name(f".{name}").rename(run.path.with_name(name))
    report = owner.flush(60)
    assert len(report.failed) == 2
    reasons = " ".join(entry.reason for entry in report.failed)
    assert "start or stop document cannot be read" in reasons
    assert f"speaks of run '{flipped.uid}'" in reasons
    assert report.n_in == len(Records(folder).runs()) - 1
    assert healthy.uid not in {entry.uid for entry in report.failed}


# ------------------------------------------------------------------------------------------------------- lives and ends
@contextmanager
def no_nodes_in(layout: Layout) -> Iterator[None]:
    """Whoever ingests stores the data of a run meanwhile, and then waits with its nodes, for 5 s at most."""
    with closing(sqlite3.connect(layout.catalog / "catalog.db", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")


def wait_until_data_are_stored(layout: Layout, run: Run) -> None:
    streams = [layout.arrays / run.uid / stream / "spectrometer_counts" / "zarr.json" for stream in run.streams]
    until(lambda: all(path.exists() for path in streams), WAIT_S, every_s=0.001)


def test_a_killed_owner_is_followed_by_one_that_leaves_no_part_and_no_double(folder: Path, owner: CatalogOwner) -> None:
    layout, n_in, killed = Layout.of(folder), owner.flush(60).n_in, owner.pid
    assert killed is not None
    with no_nodes_in(layout):
        with LogWriter(folder) as log:
            writer = synthetic.Writer(log, "night-4", synthetic.T0 + 4e5)
            for number in (30, 31):
                writer.measure(number)
        measured = Records(folder).runs(campaign="night-4")
        wait_until_data_are_stored(layout, measured[0])  # arrays and rows that the database does not know
        os.kill(killed, signal.SIGKILL)
        until(lambda: not owner.is_running, WAIT_S)
    assert live_endpoint(layout) is None  # although its file is still there
    assert endpoint_path(layout).exists()
    assert len(Backlog(layout).pending()) == len(measured)
    report = owner.flush(100)  # starts another
    assert owner.pid not in (None, killed)
    assert report.n_in == n_in + len(measured)
    assert {entry.uid for entry in report.failed}.isdisjoint(run.uid for run in measured)
    compare(folder, measured)


def test_an_owner_that_is_told_to_end_takes_in_the_run_that_it_is_at_and_no_more(
    folder: Path, owner: CatalogOwner
) -> None:
    layout = Layout.of(folder)
    owner.flush(60)
    told = owner.pid
    assert told is not None
    with no_nodes_in(layout):
        with LogWriter(folder) as log:
            writer = synthetic.Writer(log, "night-5", synthetic.T0 + 5e5)
            writer.measure(40)
            writer.coupon(41)
        first, *others = Records(folder).runs(campaign="night-5")
        wait_until_data_are_stored(layout, first)
        os.kill(told, signal.SIGTERM)
    until(lambda: not owner.is_running, WAIT_S)
    assert not is_owned(layout)
    assert not endpoint_path(layout).exists()
    assert IngestState(layout).entries()[first.uid].status == "in"
    assert Backlog(layout).pending() == [run.path for run in others]


def compare(folder: Path, runs: Sequence[Run]) -> None:
    """Each run is in the catalog once, and every value of it is that of the log."""
    catalog = open_catalog(folder)
    uids = list(catalog)
    for run in runs:
        assert uids.count(run.uid) == 1
        node = catalog[run.uid]
        assert dict(node.start)["purpose"] == run.start["purpose"]
        assert run.stop is not None
        assert node.stop["uid"] == run.stop["uid"]
        streams = stored_streams(node)
        assert sorted(streams) == sorted(run.streams)
        for name, stream in streams.items():
            stored, recorded = stream.columns(), run.table(name)
            assert len(recorded["seq_num"]) > 0
            for key, column in recorded.items():
                np.testing.assert_array_equal(stored[key], column)
    catalog.context.http_client.close()


PARENT = """
from beamline.records import LogWriter, open_catalog
from beamline.records.endpoint import live_endpoint
from beamline.records.layout import Layout
open_catalog(sys.argv[1])
print(json.dumps(live_endpoint(Layout.of(sys.argv[1])).pid), flush=True)
sys.stdin.readline()
with LogWriter(sys.argv[1]) as log:
    synthetic.Writer(log, "night-6", synthetic.T0 + 6e5).coupon(2)
print("recorded", flush=True)
sys.stdin.readline()
"""


def test_a_reader_s_owner_takes_in_what_is_left_and_ends_after_the_last_log_when_its_parent_is_killed(
    folder: Path, owner: CatalogOwner, fork: Callable[..., Fork]
) -> None:
    layout = Layout.of(folder)
    owner.stop()  # nobody owns it now: opening the catalog starts an owner for as long as the reader lives
    n_in = sum(entry.status == "in" for entry in IngestState(layout).entries().values())
    left = Backlog(layout).pending()
    reader = fork(PARENT, folder)
    pid = json.loads(reader.stdout.readline() or "0")
    assert Path(f"/proc/{pid}").exists(), reader.stderr.read()
    assert CatalogOwner(folder).flush(60).n_in == n_in + len(left)  # by the reader's, for it starts none
    compare(folder, [run for run in Records(folder).runs() if run.path in left])
    reader.stdin.write("go\n")
    reader.stdin.flush()
    assert reader.stdout.readline() == "recorded\n"
    os.kill(reader.pid, signal.SIGKILL)
    for file in (reader.stdin, reader.stdout, reader.stderr):
        file.close()
    until(lambda: not is_owned(layout), WAIT_S)
    lines = [json.loads(line) for line in (layout.catalog / "ingested.jsonl").read_text().splitlines()]
    assert sum(line["status"] == "in" for line in lines) == n_in + len(left) + 4
    recorded = Records(folder).runs(campaign="night-6")
    assert [line["uid"] for line in lines[-4:]] == [run.uid for run in recorded]
    assert all(read_run(run.path).damage == () for run in recorded)


def test_an_owner_that_cannot_work_says_why(tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "catalog.db").write_text("this is no database")
    with LogWriter(tmp_path) as log:
        synthetic.Writer(log).anneal(1)
    owner = CatalogOwner(tmp_path).start()
    with pytest.raises(CatalogError, match="not a database") as caught:
        owner.flush(100)
    assert "made anew" in str(caught.value)
    owner.stop()
