"""Nights on the twin whose process is killed at random moments, and what their records are worth afterwards.

Not a test itself: `test_kills.py` runs it, and so does `python tests/system/nights_under_kills.py --kills 200`.

Each document is witnessed twice, in a file that has nothing to do with the log: just before the log gets it, and just
after. What was witnessed after must be in the log; what is in the log must have been witnessed before. A night's process
is forked from one that has imported everything, so that 200 of them take minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import signal
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import skopt  # noqa: F401  # a night loads it when it needs it; here the process that forks has it

import beamline.session
import devices.twin  # noqa: F401
from beamline.campaign import Campaign, parse_campaign
from beamline.instrument import Instrument
from beamline.night import run_night, unused_coupons
from beamline.records import CatalogOwner, Records, close_catalog, open_catalog, read_run, stored_streams
from beamline.records.layout import Layout
from beamline.session import SessionEngine, open_session

Key = tuple[str, str]
"""Name and uid of a document."""

CAMPAIGN = """
name = "killed"
seed = 3
optimizer.kind = "random"
sites.per_coupon = 8
measurement = { integration_s = 0.1, n_averages = 2 }
stop.max_coupons = 3
[space]
hold_s = [600, 900]
[[glass]]
name = "BrI"
bromide = 1.5
iodide = 1.5
""" + "".join(f'[[coupon]]\nserial = "C{number}"\nglass = "BrI"\n' for number in range(1, 4))

N_DOCUMENTS = 120
"""Documents within which the kill comes: those of about one coupon and a half."""
LATEST_S = 0.01
"""After the chosen document the kill waits for up to this long, wall time: a document takes about a millisecond."""


@dataclass
class Found:
    """Counts over all kills, and whatever is not as it must be."""

    n_kills: int = 0
    n_mid_run: int = 0
    n_ended: int = 0
    n_gone_on: int = 0
    n_emitted: int = 0
    n_recorded: int = 0
    n_runs: int = 0
    n_events_compared: int = 0
    moments: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        moments = ", ".join(f"{name} {n}" for name, n in sorted(self.moments.items()))
        return (
            f"{self.n_kills} kills ({self.n_mid_run} within a run; the last document was: {moments}), {self.n_ended} nights "
            f"that ended before their kill, {self.n_gone_on} that went on from a killed one; {self.n_emitted} documents "
            f"witnessed, {self.n_recorded} recorded in {self.n_runs} runs; {self.n_events_compared} events compared with the "
            f"catalog; wrong: {len(self.wrong)}"
        )


# -------------------------------------------------------------------------------------------------- the night's process
def night(folder: Path, witness: Path, after: str | None, seed: int) -> None:
    """Run a campaign with both witnesses; never returns, because its process is killed or has nothing more to do."""
    descriptor = os.open(witness, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def say(when: str) -> Any:
        return lambda name, doc: os.write(descriptor, f"{when} {name} {doc['uid']}\n".encode())

    class Witnessed(SessionEngine):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.subscribe(say("before"))

    beamline.session.SessionEngine = Witnessed  # type: ignore[misc]  # of this process, which is killed
    plan = campaign(seed)
    session = open_session(Instrument(), coupons=plan.coupons, data=folder, seed=seed, unattended=True, catalog=False)
    with session:
        session.RE.subscribe(say("after"))
        run_night(session, plan, after=after)


def campaign(seed: int) -> Campaign:
    """A short night of its own seed."""
    return parse_campaign(CAMPAIGN, "killed.toml").model_copy(update={"seed": seed})


def fork_night(folder: Path, witness: Path, after: str | None, seed: int) -> int:
    """Start a night in a process of its own; returns its id."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setpgid(0, 0)
        night(folder, witness, after, seed)
        code = 0
    finally:
        os._exit(code)


# --------------------------------------------------------------------------------------------------------- the killing
def kill_nights(folder: Path, n_wanted: int, seed: int, found: Found) -> None:
    """Run and kill nights one after another in one record folder, and look at its logs after each."""
    chance = random.Random(seed)
    after: str | None = None
    witnessed: set[Key] = set()
    n_kills = n_nights = 0
    while n_kills < n_wanted:
        witness = folder / f"witness-{n_nights}"
        n_logs = len(Layout.of(folder).log_files())
        pid = fork_night(folder, witness, after, seed + n_nights)
        descriptor = os.pidfd_open(pid)
        try:
            has_ended = not _wait_for_documents(descriptor, witness, chance.randrange(1, N_DOCUMENTS + 1))
            has_ended = has_ended or bool(select.select([descriptor], [], [], chance.uniform(0.0, LATEST_S))[0])
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        finally:
            os.close(descriptor)
            _pid, status = os.waitpid(pid, 0)
        if has_ended and status:
            found.wrong.append(f"night {n_nights} of {folder} failed by itself: {status}")
        n_nights += 1
        n_kills += not has_ended
        found.n_ended += has_ended
        found.n_gone_on += after is not None
        after = _look(folder, witness, n_logs, found, witnessed, is_kill=not has_ended)
    recovered = Records(folder).close_orphans()
    found.wrong += [f"{len(recovered)} logs left open: the last kill alone may leave one"] if len(recovered) > 1 else []
    _look_at_all(folder, found, witnessed)


def _wait_for_documents(descriptor: int, witness: Path, n_documents: int) -> bool:
    """Wait until so many documents are emitted; False where the night has ended before."""
    while not witness.exists() or witness.read_bytes().count(b"after") < n_documents:
        if select.select([descriptor], [], [], 0.001)[0]:
            return False
    return True


def _look(folder: Path, witness: Path, n_logs: int, found: Found, witnessed: set[Key], *, is_kill: bool) -> str | None:
    """Compare the witnesses with the logs of this night, before anything is recovered; returns whom to go on from."""
    lines = [line.split(" ") for line in witness.read_text().splitlines()]
    before = [(name, uid) for when, name, uid in lines if when == "before"]
    after = [(name, uid) for when, name, uid in lines if when == "after"]
    logs = [read_run(path) for path in Layout.of(folder).log_files()[n_logs:]]
    recorded = [(name, doc["uid"]) for log in logs for name, doc in log]
    problems = {
        "witnessed after the log had it, and not in the log": set(after) - set(recorded),
        "in the log, and never emitted": set(recorded) - set(before),
        "twice in the log": {key for key, n in Counter(recorded).items() if n > 1},
        "damage": {damage.kind for log in logs for damage in log.damage if damage.kind != "torn"},
    }
    found.wrong += [f"{witness}: {what}: {which}" for what, which in problems.items() if which]
    found.n_emitted += len(after)
    if is_kill:
        found.n_kills += 1
        found.n_mid_run += any(log.stop is None for log in logs)
        found.moments[before[-1][0]] += 1
    witnessed.update(before)
    (uid,) = {log.start["campaign"]["uid"] for log in logs if log.start} or {None}
    return uid if uid and unused_coupons(Records(folder), campaign(0), uid) else None


def _look_at_all(folder: Path, found: Found, witnessed: set[Key]) -> None:
    """After the last recovery: each log whole and ended once, and nothing in it but what was emitted and the ends."""
    for run in Records(folder).runs():
        names = [name for name, _doc in run.documents]
        keys = {(name, doc["uid"]) for name, doc in run.documents}
        made = keys - witnessed
        is_closed = bool(made) and run.stop is not None and made == {("stop", run.stop["uid"])}
        if run.damage or names.count("stop") != 1 or (made and not is_closed):
            found.wrong.append(f"{run.path}: {run.damage} {Counter(names)} {made}")
        found.n_recorded += len(names)
        found.n_runs += 1
    found.wrong += Records(folder).problems()


# ---------------------------------------------------------------------------------------------------------- the catalog
def compare_with_catalog(folder: Path, found: Found) -> None:
    """Ingest the folder, and compare run by run, event by event, value by value."""
    with CatalogOwner(folder) as owner:
        import bluesky_tiled_plugins.clients  # noqa: F401  # seconds, while the owner begins

        report = owner.flush(7200)
        found.wrong += [f"not in the catalog: {entry}" for entry in (*report.failed, *report.damaged)]
        catalog = open_catalog(folder)
        runs = Records(folder).runs()
        uids = Counter(list(catalog))
        if uids != Counter(run.uid for run in runs):
            found.wrong.append(f"the catalog has {len(uids)} runs, the log {len(runs)}")
        for run in runs:
            if run.uid in uids:
                found.n_events_compared += _compare(run, catalog[run.uid], found)
    close_catalog(folder)


def _compare(run: Any, node: Any, found: Found) -> int:
    n_events = 0
    if dict(node.start)["purpose"] != run.start["purpose"] or node.stop["uid"] != run.stop["uid"]:
        found.wrong.append(f"{run.uid}: start or stop differ")
    streams = stored_streams(node)
    if sorted(streams) != sorted(run.streams):
        found.wrong.append(f"{run.uid}: streams {sorted(streams)} in the catalog, {run.streams} in the log")
        return 0
    for stream in run.streams:
        columns = run.table(stream)
        if not len(columns["seq_num"]):
            continue
        stored = streams[stream].columns()
        for key, values in columns.items():
            if not np.array_equal(stored[key], values):
                found.wrong.append(f"{run.uid}: {stream}: {key} differs")
        n_events += len(columns["seq_num"])
    return n_events


def main() -> None:
    """Kill nights in chunks, each in a folder of its own, and print the counts; a chunk that is done is not done again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--chunk", type=int, default=25, help="kills per record folder")
    parser.add_argument("--folder", type=Path, help="where the chunks go; default: a temporary one")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="kills-"))
    wrong = 0
    for number in range((given.kills + given.chunk - 1) // given.chunk):
        done = folder / f"{number}.json"
        if not done.exists():
            part, found = folder / f"{number}", Found()
            part.mkdir(parents=True)
            kill_nights(part, min(given.chunk, given.kills - number * given.chunk), 1000 * number, found)
            compare_with_catalog(part, found)
            done.write_text(json.dumps([str(found), found.wrong]))
        said, problems = json.loads(done.read_text())
        print(said, *problems, sep="\n", flush=True)  # noqa: T201  # the counts are what it is for
        wrong += len(problems)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
