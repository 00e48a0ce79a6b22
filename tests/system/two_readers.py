"""Two readers while a night runs, at any pace: when each of them sees each finished run.

Not a test itself: `test_readers.py` runs it, and so does `python tests/system/two_readers.py --pause 2 0.5 0`, which shows at
which pace of the simulated bench the catalog still keeps up (0 is as fast as it can simulate: hours in a second).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic

from beamline.records import Records, close_orphans
from beamline.records.layout import Layout

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
    if doc.get("num_events"):  # at the bench such a step takes minutes; the empty runs between them take no time
        bench.wait(float(sys.argv[3]))
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
told, n_reads, seen, read = threading.Event(), 0, {}, {}
print("ready", flush=True)
def listen():
    sys.stdin.readline()
    told.set()
threading.Thread(target=listen, daemon=True).start()
while True:
    is_last = told.is_set()
    for uid in list(catalog):
        seen.setdefault(uid, time.time())
    unread = [uid for uid in seen if uid not in read]
    for uid in unread[:3]:  # then it looks again: what is listed is seen, and a reader reads one thing after another
        run = catalog[uid]
        assert run.stop["run_start"] == uid  # what is seen at all is whole
        n_events = run.stop.get("num_events", {})
        assert sorted(run.base) == sorted(n_events), uid
        for stream in run.base:
            table = run.base[stream]["seq_num"].read()
            assert len(table) == n_events[stream], (uid, stream)
            n_reads += 1
        read[uid] = time.time()
    if is_last and len(read) == len(seen):
        break
    told.wait(0.0 if len(unread) > 3 else 0.3)  # as often as a page that somebody watches
print(json.dumps({"seen": seen, "read": read, "n_reads": n_reads}))
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


@dataclass(frozen=True)
class Followed:
    """What became of a night and its two readers; lags in s, over all runs and both readers, sorted."""

    n_runs: int
    night_s: float
    drained_s: float
    seen_lags: tuple[float, ...]
    read_lags: tuple[float, ...]

    def __str__(self) -> str:
        seen, read = self.seen_lags, self.read_lags
        return (
            f"{self.n_runs} runs in {self.night_s:.1f} s, the last in the catalog {self.drained_s:.1f} s later; 2 readers: seen "
            f"after {seen[len(seen) // 2]:.2f} s (median), {seen[-1]:.2f} s (most), read through after "
            f"{read[len(read) // 2]:.2f} s (median), {read[-1]:.2f} s (most)"
        )


def follow(folder: Path, pause_s: float) -> Followed:
    """Run a night with two readers; a step of it with events takes `pause_s` longer than it takes to simulate it."""
    data = folder / "data"
    (folder / "watched.toml").write_text(CAMPAIGN, encoding="utf-8")
    night = start(NIGHT, folder / "watched.toml", data, pause_s)
    wait_for_word(night, "ready")
    readers = [start(READER, data), start(READER, data)]
    for reader in readers:
        wait_for_word(reader, "ready")
    begun = monotonic()
    go_on(night)
    wait_for_word(night, "done")
    ended = monotonic()
    runs = Records(data).runs()
    # The last run has its time to come in; the readers then look once more, and end.
    last = {path: path.stat().st_mtime for path in Layout.of(data).log_files()}
    _wait_until_in(data, len(runs))
    drained = monotonic()
    for reader in readers:
        go_on(reader)
    seen, read = [], []
    for reader in readers:
        said, complained = reader.communicate(timeout=100)
        assert reader.returncode == 0, complained
        found = json.loads(said)
        assert set(found["seen"]) == {run.uid for run in runs}
        assert found["n_reads"] == sum(len(run.streams) for run in runs)
        seen += [found["seen"][run.uid] - last[run.path] for run in runs]
        read += [found["read"][run.uid] - last[run.path] for run in runs]
    go_on(night)
    assert night.communicate(timeout=100)[1] == ""
    assert night.returncode == 0
    assert close_orphans(data) == []
    return Followed(len(runs), ended - begun, drained - ended, tuple(sorted(seen)), tuple(sorted(read)))


def _wait_until_in(data: Path, n_runs: int) -> None:
    end, never = monotonic() + 60, Event()
    state = Layout.of(data).catalog / "ingested.jsonl"
    while not state.exists() or len(state.read_text().splitlines()) < n_runs:
        assert monotonic() < end, "the runs are not in the catalog"
        never.wait(0.05)


def main() -> None:
    """Print what was seen at each pace."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pause", type=float, nargs="+", default=[2.0, 0.5, 0.0], help="s for a step with events")
    for pause_s in parser.parse_args().pause:
        with tempfile.TemporaryDirectory(prefix="readers-") as folder:
            print(f"{pause_s:g} s per step:", follow(Path(folder), pause_s), flush=True)  # noqa: T201  # what it is for


if __name__ == "__main__":
    main()
