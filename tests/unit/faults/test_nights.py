"""Whole short nights in which something fails: they end, safe, and what was emitted is in the log."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, get_args

import pytest
from small_campaigns import small_campaign

from beamline.campaign import Campaign, parse_campaign
from beamline.faults import CALLS, FaultEntry, FaultKind, FaultSchedule
from beamline.instrument import Instrument, beyond_reach
from beamline.night import NightOutcome, run_night
from beamline.session import Session, open_session

NIGHT = small_campaign("faults")
STRICT = """
[policy]
retries = 0
write = "stop"
heat = "stop"
measure = "stop"
"""
LENGTH_S = 5000.0
"""Simulated time of it, about."""


def night(folder: Path, faults: FaultSchedule, policy: str = "") -> tuple[NightOutcome, list[dict[str, Any]], Session]:
    campaign = parse_campaign(NIGHT + policy)
    emitted: list[str] = []
    with open_session(
        Instrument(), coupons=campaign.coupons, data=folder, seed=3, unattended=True, catalog=False, faults=faults
    ) as session:
        session.RE.subscribe(lambda name, _doc: emitted.append(name))
        outcome = run_night(session, campaign)
        runs = session.records.runs()
        assert sum(len(run.documents) for run in runs) == len(emitted)
        assert all(run.stop is not None for run in runs)
        assert outcome.exit_status in {"success", "fail"}
        drivers = [getattr(d.driver, "underneath", d.driver) for d in (session.bench.laser, session.bench.furnace)]
        assert not drivers[0].is_output_open
        assert not drivers[1].is_on
        return outcome, [run.start for run in runs], session


@pytest.mark.parametrize("kind", get_args(FaultKind))
def test_a_night_with_a_fault_of_each_kind_ends_safe_and_tells(tmp_path: Path, kind: str) -> None:
    role = {"drift": "furnace", "restart": "laser", "drop": "spectrometer", "refuse": "changer"}.get(kind, "stage")
    at_s = {"drift": 600.0, "restart": 41.5, "drop": 100.0, "refuse": 100.0}.get(kind, 42.0)
    entry = FaultEntry.model_validate(
        {"role": role, "kind": kind, "at_s": at_s, "size": 20.0} | ({"duration_s": 4000.0} if kind == "drift" else {})
    )
    outcome, starts, session = night(tmp_path / "data", FaultSchedule(entries=(entry,)), STRICT)
    assert session.faults is not None
    assert session.faults.n_injected == 1
    assert outcome.exit_status == ("success" if kind == "late" else "fail")
    if kind != "late":
        assert outcome.reason.split(": ")[1].startswith(role), outcome.reason
    assert starts[0]["faults"]["entries"][0]["kind"] == kind
    assert starts[-1]["purpose"] == "end"
    [injected] = starts[-1]["faults_injected"]
    assert (injected["role"], injected["kind"], injected["entry"]) == (role, kind, 1)
    assert injected["clock_s"] >= at_s


def chance(seed: int) -> FaultSchedule:
    """Two faults of any kind, anywhere in the night."""
    rng = random.Random(seed)
    entries = []
    for _ in range(2):
        kind, role = rng.choice(get_args(FaultKind)), rng.choice(list(CALLS))
        when = {"at_s": rng.uniform(0, LENGTH_S)} if rng.random() < 0.7 else {"probability": 0.05}
        entries.append(
            FaultEntry.model_validate(
                {"role": role, "kind": kind, "duration_s": rng.choice([1.0, 30.0, 3000.0]), "delay_s": 5.0} | when
            )
        )
    return FaultSchedule(entries=tuple(entries), seed=seed)


@pytest.mark.parametrize("seed", range(6))
def test_nights_with_chance_faults_end_safe(tmp_path: Path, seed: int) -> None:
    night(tmp_path / "data", chance(seed))


@pytest.mark.nightly
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("hundred", range(4))
def test_many_nights_with_chance_faults_end_safe(tmp_path: Path, hundred: int) -> None:
    for seed in range(100 * hundred, 100 * hundred + 100):
        night(tmp_path / str(seed), chance(seed))


def test_a_night_without_faults_says_nothing_of_them(tmp_path: Path) -> None:
    outcome, starts, session = night(tmp_path / "data", FaultSchedule())
    assert outcome.exit_status == "success"
    assert session.faults is None
    assert not any("faults" in key for start in starts for key in start)


# ------------------------------------------------------------------------------------------- in a file, on the twin only
def with_fault(text: str) -> Campaign:
    return parse_campaign(f"{NIGHT}[[fault]]\n{text}")


def test_a_campaign_file_has_faults_and_its_seed_draws_them() -> None:
    campaign = with_fault('role = "laser"\nkind = "drop"\nprobability = 0.01\nat_most = 2')
    assert campaign.faults.seed == campaign.seed
    assert [str(entry) for entry in campaign.faults.entries] == ["laser: drop by chance, 0.01 a call"]
    assert parse_campaign(NIGHT).faults.entries == ()


def test_faults_are_refused_at_a_bench(tmp_path: Path) -> None:
    campaign = with_fault('role = "laser"\nkind = "drop"\nat_s = 100.0')
    bench = Instrument().model_copy(update={"kind": "bench", "name": "lab-3"})
    assert beyond_reach(campaign, Instrument()) == ()
    [problem] = beyond_reach(campaign, bench)
    assert str(problem) == (
        "fault: 1 given, and instrument lab-3 is no simulated bench (kind bench); take every [[fault]] out of the file, or "
        "run it on the twin"
    )
    with pytest.raises(ValueError, match="faults on purpose are for the simulated bench; lab-3 is of kind bench"):
        open_session(
            bench,
            coupons=campaign.coupons,
            data=tmp_path / "data",
            seed=1,
            unattended=False,
            catalog=False,
            faults=campaign.faults,
        )
    assert not (tmp_path / "data").exists()
