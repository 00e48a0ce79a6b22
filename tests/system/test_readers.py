"""Two readers while a night runs: no error in either, and each sees each finished run within seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from beamline.records import Records, close_orphans
from beamline.records.layout import Layout

pytestmark = pytest.mark.timeout(300)

LIMIT_S = 5.0

NIGHT = """
import sys, threading
from pathlib import Path
from beamline.campaign import parse_campaign
from beamline.instrument import Instrument
from beamline.night import run_night
from beamline.session import open_session
plan = parse_campaign(Path(sys.argv[1]).read_text(), sys.argv[1])
bench = threading.Event()
def take_time(name, doc):
    if doc.get("num_events"):  # at the bench such a step takes minutes; here 2 s, and the empty runs between them none
        bench.wait(2.0)
with open_session(Instrument(), coupons=plan.coupons, data=Path(sys.argv[2]), seed=3, unattended=True) as session:
    session.catalog.wait_ready(200)
    session.RE.subscribe(take_time, "stop")
    print("ready", flush=True)
    sys.stdin.readline()
    outcome = run_night(session, plan)
    assert outcome.exit_status == "success", outcome
    print("done", flush=True)
    sys.stdin.readline()
"""

READER = """
import json, sys, threading, time
from beamline.records import open_catalog
catalog = open_catalog(sys.argv[1])
told, n_reads, seen = threading.Event(), 0, {}
print("ready", flush=True)
def listen():
    sys.stdin.readline()
    told.set()
threading.Thread(target=listen, daemon=True).start()
while True:
    is_last = told.is_set()
    for uid in list(catalog):
        if uid in seen:
            continue
        run = catalog[uid]
        assert run.stop["run_start"] == uid  # what is seen at all is whole
        seen[uid] = time.time()
        n_events = run.stop.get("num_events", {})
        assert sorted(run.base) == sorted(n_events), uid
        for stream in run.base:
            table = run.base[stream]["seq_num"].read()
            assert len(table) == n_events[stream], (uid, stream)
            n_reads += 1
    if is_last:
        break
    told.wait(0.3)  # as often as a page that somebody watches
print(json.dumps({"seen": seen, "n_reads": n_reads}))
"""

CAMPAIGN = """
name = "watched"
seed = 3
optimizer.kind = "random"
sites.per_coupon = 3
measurement = { integration_s = 0.1, n_averages = 2 }
stop.max_coupons = 2
[space]
hold_s = [600, 900]
[[glass]]
name = "BrI"
bromide = 1.5
iodide = 1.5
[[coupon]]
serial = "C1"
glass = "BrI"
[[coupon]]
serial = "C2"
glass = "BrI"
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_word(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == word + "\n", process.communicate(timeout=60)[1]


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.poll() is None, process.communicate()[1]
    process.stdin.write("go\n")
    process.stdin.flush()


def test_two_readers_follow_a_night(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (tmp_path / "watched.toml").write_text(CAMPAIGN, encoding="utf-8")
    night = start(NIGHT, tmp_path / "watched.toml", data)
    wait_for_word(night, "ready")
    readers = [start(READER, data), start(READER, data)]
    for reader in readers:
        wait_for_word(reader, "ready")
    go_on(night)
    wait_for_word(night, "done")
    runs = Records(data).runs()
    # The last run has its time to come in; the readers then look once more, and end.
    last = {path: path.stat().st_mtime for path in Layout.of(data).log_files()}
    _wait_until_in(data, len(runs))
    for reader in readers:
        go_on(reader)
    lags = []
    for reader in readers:
        said, complained = reader.communicate(timeout=100)
        assert reader.returncode == 0, complained
        found = json.loads(said)
        assert set(found["seen"]) == {run.uid for run in runs}
        assert found["n_reads"] == sum(len(run.streams) for run in runs)
        lags += [found["seen"][run.uid] - last[run.path] for run in runs]
    go_on(night)
    assert night.communicate(timeout=100)[1] == ""
    assert night.returncode == 0
    assert close_orphans(data) == []
    median_s = sorted(lags)[len(lags) // 2]
    print(f"2 readers, {len(runs)} runs: seen after {median_s:.2f} s (median), {max(lags):.2f} s (most)")  # noqa: T201
    assert max(lags) < LIMIT_S


def _wait_until_in(data: Path, n_runs: int) -> None:
    from threading import Event
    from time import monotonic

    end, never = monotonic() + 60, Event()
    state = Layout.of(data).catalog / "ingested.jsonl"
    while not state.exists() or len(state.read_text().splitlines()) < n_runs:
        assert monotonic() < end, "the runs are not in the catalog"
        never.wait(0.05)
