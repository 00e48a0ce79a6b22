"""Nights that are killed at random moments and resumed, beside the same night uninterrupted: what differs, and why.

Not a test itself: `test_resumed_after_kills.py` runs it, and so does `python tests/system/resumed_after_kills.py --kills 100`.

The night is one of two coupons with four sites; its process is forked, and killed by SIGKILL after a random one of its
documents and up to 10 ms more. A second process resumes it from the folder alone. The final records of both are then
compared, site by site. A difference is explained only where the kill explains it: the site that was being exposed is
suspect, a coupon whose heating broke off has another history, what is written seconds later gets another power of the
laser, which the records have, and what is measured seconds later has other noise.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import skopt  # noqa: F401

from beamline.campaign import Campaign, parse_campaign
from beamline.campaign.history import campaign_history
from beamline.instrument import Instrument
from beamline.night import run_night
from beamline.records import Ledger, Records, SiteState
from beamline.resume import open_resumed, resume_night
from beamline.session import open_session

UID = "00000000-0000-4000-8000-000000000001"
CAMPAIGN = """
name = "resumed"
optimizer.kind = "random"
sites.per_coupon = 4
measurement = { integration_s = 0.1, n_averages = 2 }
[space]
hold_s = [600, 900]
temperature_C = [300, 350]
ramp_C_min = 20.0
[[glass]]
name = "BrI"
bromide = 1.5
iodide = 1.5
""" + "".join(f'[[coupon]]\nserial = "C{number}"\nglass = "BrI"\n' for number in (1, 2))
LATEST_S = 0.01
WALL_S = 300.0
NOISE_COUNTS = 30.0
"""Root mean square between two spectra of the same light, two exposures each: about 10 counts of 1000 were seen."""

Site = tuple[str, str]
"""Serial of the coupon, name of the site."""


def campaign(seed: int) -> Campaign:
    """A short night of its own seed."""
    return parse_campaign(CAMPAIGN, "resumed.toml").model_copy(update={"seed": seed})


def begin(folder: Path, seed: int, witness: Path) -> None:
    """The night, with a witness of each document after the log has it."""
    descriptor = os.open(witness, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    plan = campaign(seed)
    with open_session(
        Instrument(), coupons=plan.coupons, data=folder, seed=seed, unattended=True, catalog=False
    ) as session:
        session.RE.subscribe(lambda _name, _doc: os.write(descriptor, b"."))
        outcome = run_night(session, plan, campaign_uid=UID)
    assert outcome.exit_status == "success", outcome


def go_on(folder: Path) -> None:
    """The rest of it."""
    with open_resumed(Instrument(), folder, UID, catalog=False) as session:
        outcome = resume_night(session, UID)
    assert outcome.exit_status == "success", outcome


def forked(work: Callable[[], None], said: Path) -> int:
    """Do something in a process of its own; returns its id. What it raises is in the file `said`."""
    sys.stdout.flush()
    if pid := os.fork():
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException as error:  # noqa: BLE001  # told by the parent
        said.write_text(f"{type(error).__name__}: {error}")
    finally:
        os._exit(code)


def ended(pid: int, within_s: float) -> int | None:
    """Exit status of a process, or None where it had to be killed."""
    descriptor = os.pidfd_open(pid)
    try:
        is_over = bool(select.select([descriptor], [], [], within_s)[0])
        if not is_over:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    finally:
        os.close(descriptor)
    _pid, status = os.waitpid(pid, 0)
    return status if is_over else None


def killed(folder: Path, seed: int, n_documents: int, wait_s: float) -> bool:
    """Begin a night and kill it after so many documents; False where it had ended before."""
    witness = folder.with_suffix(".witness")
    pid = forked(lambda: begin(folder, seed, witness), folder.with_suffix(".said"))
    descriptor = os.pidfd_open(pid)
    try:
        while not witness.exists() or witness.stat().st_size < n_documents:
            if select.select([descriptor], [], [], 0.001)[0]:
                break
        has_ended = bool(select.select([descriptor], [], [], wait_s)[0])
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    finally:
        os.close(descriptor)
        os.waitpid(pid, 0)
    return not has_ended


# --------------------------------------------------------------------------------------------------------- what is left
def suggestions(records: Records) -> list[str]:
    """What was to be done, without the ids, which are made of the observations to their last digit."""
    found = [run.start["suggestion"] for run in records.runs(purpose="decision") if run.start.get("suggestion")]
    return [
        json.dumps([s["coupon"], s["heat_treatment"], [[o["site"], o["writing"]] for o in s["sites"]]]) for s in found
    ]


def fired(records: Records) -> Counter[Site]:
    """How often anybody was about to fire at a site."""
    runs = records.runs(purpose="writing")
    return Counter(
        (run.start["coupon"]["serial"], e["data"]["site_name"]) for run in runs for e in run.events("intents")
    )


def spectra(records: Records) -> dict[Site, Any]:
    """By site; the last."""
    return {
        (run.start["coupon"]["serial"], e["data"]["site_name"]): np.asarray(e["data"]["spectrometer_counts"], float)
        for run in records.runs(purpose="measurement")
        for e in run.events("spectra")
    }


def powers_W(records: Records) -> dict[Site, float]:
    """By site; as measured in its exposure."""
    return {
        (run.start["coupon"]["serial"], e["data"]["site_name"]): float(e["data"]["laser_power_at_sample_W"])
        for run in records.runs(purpose="writing")
        for e in run.events("exposures")
    }


def compared(whole: Records, again: Records) -> dict[str, Any]:
    """What the resumed night has in common with the uninterrupted one, and what is wrong."""
    broken = next((run.start["interrupted"] for run in again.runs(purpose="resume")), "after its end")
    suspects = {(site.coupon, site.name) for site in Ledger.of(again.runs()).sites(state=SiteState.SUSPECT)}
    heated = {
        run.start["coupon"]["serial"]
        for run in again.runs(purpose="heat_treatment")
        if (run.stop or {}).get("exit_status") != "success"
    }
    before, after = spectra(whole), spectra(again)
    same, noise, other = set(), set(), set()
    for key in before.keys() & after.keys():
        if np.array_equal(before[key], after[key]):
            same.add(key)
        elif np.sqrt(np.mean((before[key] - after[key]) ** 2)) < NOISE_COUNTS:
            noise.add(key)
        else:
            other.add(key)
    power, again_W = powers_W(whole), powers_W(again)
    repowered = {key for key in other & again_W.keys() if again_W[key] != power[key]}
    exposed = suspects - {key for key in suspects if key[0] in heated}
    unexplained = {key for key in other - repowered if key not in suspects and key[0] not in heated}
    wrong = [
        *(f"fired at twice: {key}" for key, n in fired(again).items() if n > 1),
        *([] if fired(whole).keys() == fired(again).keys() else ["other sites were fired at"]),
        *([] if before.keys() == after.keys() else [f"spectra of {sorted(before.keys() ^ after.keys())}"]),
        *([] if suggestions(whole) == suggestions(again) else ["other recipes were suggested"]),
        *([] if campaign_history(again, UID).state.kind == "done" else ["the night is not done"]),
        *([] if len(exposed) <= 1 else [f"more than one site is suspect: {sorted(exposed)}"]),
        *([] if not exposed or broken == "writing" else [f"{exposed} is suspect, and no writing was interrupted"]),
        *(f"{key} has another spectrum" for key in sorted(unexplained)),
        *again.problems(),
    ]
    kind = (
        "identical"
        if len(same) == len(before) and not suspects
        else "one site suspect, later ones with another power of the laser"
        if exposed and repowered
        else "one site suspect, the rest the same but for noise"
        if exposed
        else "one coupon with its longer heat treatment, the rest the same but for noise"
        if heated
        else "the same but for noise"
    )
    return {
        "broken": broken or "between two runs",
        "kind": kind,
        "wrong": wrong,
        "same": len(same),
        "noise": len(noise),
    }


# ------------------------------------------------------------------------------------------------------------- in chunks
def chunk(folder: Path, seed: int, n_kills: int) -> Iterator[dict[str, Any]]:
    """Kills of the night of one seed, each at a moment of its own."""
    folder.mkdir(parents=True)
    rng = random.Random(seed)
    whole = folder / "whole"
    pid = forked(lambda: begin(whole, seed, folder / "whole.witness"), folder / "whole.said")
    if ended(pid, WALL_S) != 0:
        raise RuntimeError((folder / "whole.said").read_text())
    n_documents = sum(len(run.documents) for run in Records(whole).runs())
    n_done = n_nights = 0
    while n_done < n_kills:
        part = folder / f"{n_nights}"
        n_nights += 1
        if not killed(part, seed, rng.randint(1, n_documents), rng.uniform(0, LATEST_S)):
            shutil.rmtree(part)
            continue
        n_done += 1
        said = part.with_suffix(".said")
        if campaign_history(Records(part), UID).state.kind == "done":  # killed after its end: nothing is left to resume
            status: int | None = 0
        else:
            status = ended(forked(lambda part=part: go_on(part), said), WALL_S)  # type: ignore[misc]  # bound now
        if status != 0:
            why = said.read_text() if said.exists() else f"status {status}"
            yield {"broken": "?", "kind": "not resumed", "wrong": [f"{part}: {why}"], "same": 0, "noise": 0}
            continue
        row = compared(Records(whole), Records(part))
        row["wrong"] = [f"{part}: {text}" for text in row["wrong"]]
        yield row
        if not row["wrong"]:
            shutil.rmtree(part)


def main() -> None:
    """Kill, resume, compare, and print the counts; a chunk that is done is not done again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--chunk", type=int, default=10, help="kills per seed")
    parser.add_argument("--folder", type=Path, help="where the chunks go; default: a temporary one")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="resumed-"))
    rows: list[dict[str, Any]] = []
    for number in range((given.kills + given.chunk - 1) // given.chunk):
        done = folder / f"{number}.json"
        if not done.exists():
            shutil.rmtree(folder / f"{number}", ignore_errors=True)
            n_kills = min(given.chunk, given.kills - number * given.chunk)
            done.write_text(json.dumps(list(chunk(folder / f"{number}", number + 1, n_kills))))
        rows += json.loads(done.read_text())
    say = lambda text: print(text, flush=True)  # noqa: E731, T201  # the counts are what it is for
    say(f"{len(rows)} kills, each resumed")
    for title, key in (("killed in a run of", "broken"), ("records beside the uninterrupted night's", "kind")):
        counts = Counter(str(row[key]).replace("_", " ") for row in rows)
        say(f"{title}: " + "; ".join(f"{name}: {n}" for name, n in counts.most_common()))
    say(f"spectra: {sum(r['same'] for r in rows)} to the last digit, {sum(r['noise'] for r in rows)} but for noise")
    wrong = [text for row in rows for text in row["wrong"]]
    say(f"wrong: {len(wrong)}")
    for text in wrong:
        say(text)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
