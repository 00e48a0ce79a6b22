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

READERS = """
import json, multiprocessing, sys, time
from beamline.records import open_catalog, stored_streams
import bluesky_tiled_plugins.clients.catalog_of_bluesky_runs  # once: the readers are forked from this process

def newest(catalog, seen):  # what is not known yet, however many have come in since the last look
    n = 8
    while True:
        found = list(catalog.items().tail(n))
        new = [(uid, run) for uid, run in found if uid not in seen]
        if len(new) < n:
            return new
        n *= 4

def follow(folder, opened, told, results):
    catalog = open_catalog(folder)
    asked = []
    hooks = catalog.context.http_client.event_hooks
    catalog.context.http_client.event_hooks = {**hooks, "request": [*hooks["request"], asked.append]}
    seen, unread, read, n_reads, n_requests = {}, {}, {}, 0, 0
    opened.release()
    while True:
        is_last = told.is_set()
        looked = time.monotonic()
        new = newest(catalog, seen)
        unread |= new
        seen |= dict.fromkeys([uid for uid, run in new], time.time())
        n_before = len(asked)
        for uid, run in list(unread.items()):
            assert run.stop["run_start"] == uid  # what is seen at all is whole
            n_events = run.stop.get("num_events", {})
            streams = stored_streams(run) if n_events else {}
            assert sorted(streams) == sorted(n_events), uid
            for name, stream in streams.items():
                table = stream.numbers_and_words()
                assert list(table["seq_num"]) == list(range(1, n_events[name] + 1)), (uid, name)
                n_reads += 1
            read[uid] = time.time()
            del unread[uid]
            if time.monotonic() - looked > 0.3:  # it looks as often as a page that somebody watches
                break
        n_requests += len(asked) - n_before
        if is_last and not unread:
            break
        told.wait(max(0.0, looked + 0.3 - time.monotonic()))
    results.put({"seen": seen, "read": read, "n_reads": n_reads, "n_requests": n_requests})

fork = multiprocessing.get_context("fork")
opened, told, results = fork.Semaphore(0), fork.Event(), fork.Queue()
sys.stdin.readline()
readers = [fork.Process(target=follow, args=(sys.argv[1], opened, told, results), daemon=True) for _ in range(2)]
def is_alive():
    assert all(reader.exitcode in (None, 0) for reader in readers)
    return True
for reader in readers:
    reader.start()
for reader in readers:
    while not opened.acquire(timeout=0.5):
        is_alive()
print("ready", flush=True)
sys.stdin.readline()
told.set()
for reader in readers:
    while results.empty() and is_alive():
        time.sleep(0.05)
    print(json.dumps(results.get()))
for reader in readers:
    reader.join()
assert [reader.exitcode for reader in readers] == [0, 0]
"""

CAMPAIGN = """
name = "watched"
seed = 3
optimizer.kind = "random"
sites.per_coupon = 3
measurement = {{ integration_s = 0.1, n_averages = 2 }}
stop.max_coupons = {n_coupons}
[space]
hold_s = [600, 900]
[[glass]]
name = "BrI"
bromide = 1.5
iodide = 1.5
{coupons}
"""
COUPON = """
[[coupon]]
serial = "C{number}"
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
    """What became of a night and its two readers; over all runs and both readers: lags in s, sorted, and requests to read."""

    n_runs: int
    night_s: float
    drained_s: float
    seen_lags: tuple[float, ...]
    read_lags: tuple[float, ...]
    n_requests: int

    def __str__(self) -> str:
        seen, read = self.seen_lags, self.read_lags
        return (
            f"{self.n_runs} runs in {self.night_s:.1f} s ({self.n_runs / self.night_s:.1f} runs/s), the last in the "
            f"catalog {self.drained_s:.1f} s later; 2 readers: seen after {seen[len(seen) // 2]:.2f} s (median), "
            f"{seen[-1]:.2f} s (most), read through after {read[len(read) // 2]:.2f} s (median), {read[-1]:.2f} s (most), "
            f"with {self.n_requests / len(read):.1f} requests for a run"
        )


def follow(folder: Path, pause_s: float, n_coupons: int) -> Followed:
    """Run a night with two readers; a step of it with events takes `pause_s` longer than it takes to simulate it."""
    data = folder / "data"
    coupons = "".join(COUPON.format(number=number) for number in range(1, n_coupons + 1))
    (folder / "watched.toml").write_text(CAMPAIGN.format(n_coupons=n_coupons, coupons=coupons), encoding="utf-8")
    night = start(NIGHT, folder / "watched.toml", data, pause_s)
    readers = start(READERS, data)
    wait_for_word(night, "ready")
    go_on(readers)
    wait_for_word(readers, "ready")
    begun = monotonic()
    go_on(night)
    wait_for_word(night, "done")
    ended = monotonic()
    runs = Records(data).runs()
    # The last run has its time to come in; the readers then look once more, and end.
    last = {path: path.stat().st_mtime for path in Layout.of(data).log_files()}
    _wait_until_in(data, len(runs))
    drained = monotonic()
    go_on(readers)
    said, complained = readers.communicate(timeout=100)
    assert readers.returncode == 0, complained
    seen, read, n_requests = [], [], 0
    for found in map(json.loads, said.splitlines()):
        assert set(found["seen"]) == set(found["read"]) == {run.uid for run in runs}
        n_requests += found["n_requests"]
        assert found["n_reads"] == sum(len(run.streams) for run in runs)
        seen += [found["seen"][run.uid] - last[run.path] for run in runs]
        read += [found["read"][run.uid] - last[run.path] for run in runs]
    assert len(seen) == 2 * len(runs)
    go_on(night)
    assert night.communicate(timeout=100)[1] == ""
    assert night.returncode == 0
    assert close_orphans(data) == []
    return Followed(len(runs), ended - begun, drained - ended, tuple(sorted(seen)), tuple(sorted(read)), n_requests)


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
    parser.add_argument("--coupons", type=int, default=6)
    given = parser.parse_args()
    for pause_s in given.pause:
        with tempfile.TemporaryDirectory(prefix="readers-") as folder:
            followed = follow(Path(folder), pause_s, given.coupons)
            print(f"{pause_s:g} s per step:", followed, flush=True)  # noqa: T201  # what it is for


if __name__ == "__main__":
    main()
