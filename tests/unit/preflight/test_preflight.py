"""The check-list before a night: each thing that can be wrong is found, named, and keeps the night from being begun."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from small_campaigns import small_campaign

from beamline.campaign import Campaign, parse_campaign
from beamline.instrument import Instrument, beyond_reach
from beamline.night import preflight_of, run_night
from beamline.preflight import Check, as_text, expected_bytes, preflight, refusals
from beamline.session import Session, open_session
from devices import CommunicationError, Geometry, Limits

CAMPAIGN = small_campaign("checked", n_sites=3, is_cool=False)


@pytest.fixture
def campaign() -> Campaign:
    return parse_campaign(CAMPAIGN)


@pytest.fixture
def make(tmp_path: Path, campaign: Campaign) -> Iterator[Callable[..., Session]]:
    opened: list[Session] = []

    def make(instrument: Instrument | None = None) -> Session:
        session = open_session(
            instrument or Instrument(),
            coupons=campaign.coupons,
            data=tmp_path,
            seed=1,
            unattended=False,
            catalog=False,
        )
        opened.append(session)
        return session

    yield make
    for session in opened:
        session.close()


def refused(session: Session, campaign: Campaign) -> dict[str, str]:
    return {check.name: check.said for check in refusals(preflight_of(session, campaign))}


def test_a_bench_in_order_passes_and_nothing_moves(make: Callable[..., Session], campaign: Campaign) -> None:
    session = make()
    before = session.bench.clock.now_s, session.bench.stage.read(), session.bench.laser.read()
    checks = preflight_of(session, campaign)
    assert not refusals(checks)
    assert [check.name for check in checks] == [
        *("connections", "watchdog", "conditions", "limits", "laser power", "coupons", "disk", "calibrations"),
        *("clock", "time"),
    ]
    after = session.bench.clock.now_s, session.bench.stage.read(), session.bench.laser.read()
    assert before[0] == after[0]
    assert {k: v["value"] for k, v in before[1].items()} == {k: v["value"] for k, v in after[1].items()}
    assert not session.records.runs()
    assert all(line.startswith("ok") for line in as_text(checks).splitlines())


def test_the_list_is_in_the_records_of_the_night(make: Callable[..., Session], campaign: Campaign) -> None:
    session = make()
    outcome = run_night(session, campaign)
    first = session.records.runs(campaign=outcome.campaign_uid, purpose="campaign")[0].start
    said = {check["name"]: check["verdict"] for check in first["preflight"]}
    assert said["limits"] == "ok"
    assert len(first["preflight"]) == 10


def test_a_night_that_is_refused_is_not_begun(make: Callable[..., Session], campaign: Campaign) -> None:
    session = make()
    session.bench.laser.driver.is_interlocked = True
    outcome = run_night(session, campaign)
    assert (outcome.exit_status, outcome.n_coupons) == ("fail", 0)
    assert "not begun: conditions: interlock: the remote interlock of the laser is active" in outcome.reason
    assert not session.records.runs()
    assert session.bench.clock.now_s == 0.0


def test_a_device_that_does_not_answer(make: Callable[..., Session], campaign: Campaign) -> None:
    session = make()

    class Dead(type(session.bench.stage.driver)):  # type: ignore[misc]
        def position_mm(self, axis: str) -> float:
            raise CommunicationError(f"no answer from {axis}")

    session.bench.stage.driver.__class__ = Dead
    assert "stage: no answer" in refused(session, campaign)["connections"]


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(x_mm=(0.0, 15.0)), "stage_x_mm: "),
        (Limits(z_mm=(0.0, 5.05)), "stage_z_mm: "),
        (Limits(pulse_energy_uJ=(1.0, 100.0)), "laser_pulse_energy_uJ: "),
        (Limits(furnace_temperature_C=(20.0, 300.0)), "furnace: "),
        (Limits(furnace_ramp_C_min=(0.1, 1.0)), "furnace_ramp_C_min: "),
        (Limits(integration_s=(0.2, 60.0)), "spectrometer_integration_s: "),
        (Limits(line_speed_mm_s=(2.0, 3.0)), "stage_line speed: "),
        (Limits(repetition_rate_kHz=(20.0, 100.0)), "laser_repetition_rate_kHz: "),
    ],
)
def test_the_dry_run_finds_every_limit(
    make: Callable[..., Session], campaign: Campaign, limits: Limits, words: str
) -> None:
    session = make(Instrument(geometry=Geometry(limits=limits)))
    said = refused(session, campaign)
    assert words in said["limits"]
    assert "limits" in said["limits"]


def test_more_power_than_the_laser_gives(make: Callable[..., Session], campaign: Campaign) -> None:
    weak = Instrument(laser_power_max_W=1.0)
    assert "kHz are" in refused(make(weak), campaign)["laser power"]
    (problem,) = beyond_reach(campaign, weak)
    assert "gives 1 W at most" in str(problem)
    assert not beyond_reach(campaign, Instrument())


def test_coupons_that_are_not_there_or_used(make: Callable[..., Session], campaign: Campaign) -> None:
    other = parse_campaign(CAMPAIGN.replace('"C1"', '"C9"'))
    session = make()
    assert "C9: not in the rack" in refused(session, other)["coupons"]
    now = datetime.now(UTC)
    none_left = {c.name: c for c in preflight(session, campaign, (), now)}
    assert none_left["coupons"].verdict == "refuse"
    assert "every coupon of the file has been used" in none_left["coupons"].said


def test_too_little_disk(make: Callable[..., Session], campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        free: int

    session = make()
    wanted = expected_bytes(campaign, 1, 4 * 3600.0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(wanted + 500_000_000))
    assert "twice that and 500 MB must be free" in refused(session, campaign)["disk"]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(3 * wanted + 500_000_000))
    assert "disk" not in refused(session, campaign)


@pytest.mark.parametrize(("place", "what"), [("log", "the records"), ("state", "the state of the night")])
def test_a_folder_that_cannot_be_written(
    make: Callable[..., Session], campaign: Campaign, tmp_path: Path, place: str, what: str
) -> None:
    session = make()
    assert not (tmp_path / place).exists() or not list((tmp_path / place).iterdir())
    shutil.rmtree(tmp_path / place, ignore_errors=True)
    (tmp_path / place).write_text("a file, where the folder is to be")
    said = refused(session, campaign)["disk"]
    assert said == f"{what} cannot be written in {tmp_path / place}: File exists; give write access, or another --data"
    (tmp_path / place).unlink()
    assert refused(session, campaign) == {}
    assert list((tmp_path / place).iterdir()) == [], "nothing is left of the try"


def test_an_audit_trail_that_cannot_be_written_is_mentioned(
    make: Callable[..., Session], campaign: Campaign, tmp_path: Path
) -> None:
    session = make()
    (tmp_path / "audit.jsonl").mkdir()
    (note,) = (check for check in preflight_of(session, campaign) if check.verdict == "note")
    assert (note.name, note.said) == (
        "disk",
        f"nobody will know who did what: {tmp_path / 'audit.jsonl'} cannot be written: Is a directory",
    )


def test_what_is_expected_on_disk_is_at_least_what_a_night_writes(
    make: Callable[..., Session], campaign: Campaign, tmp_path: Path
) -> None:
    session = make()
    run_night(session, campaign)
    written = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert 0 < written < expected_bytes(campaign, 1, 0.0)


def test_a_clock_that_was_set_back(make: Callable[..., Session], campaign: Campaign) -> None:
    session = make()
    run_night(session, campaign)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    found = {c.name: c for c in preflight(session, campaign, campaign.coupons, yesterday)}
    assert found["clock"].verdict == "refuse"
    assert "ahead of this computer's clock" in found["clock"].said


def test_a_furnace_that_would_be_set_too_high_for_its_offset_is_seen_before(
    make: Callable[..., Session], campaign: Campaign
) -> None:
    session = make()
    offset = {"run": "0123456789", "temperature_C": [25.0, 500.0], "offset_C": [0.0, -20.0]}
    bench = replace(session.bench, calibrations=lambda: {"furnace_offset": offset})
    hottest_C = campaign.space.temperature_C[1]
    words = refused(replace(session, bench=bench), campaign)["limits"]
    assert f"{hottest_C:g} degC at the coupon are {hottest_C + 20:.1f} degC at the furnace's sensor" in words
    assert not refused(session, campaign)


def test_a_look_that_breaks_is_a_reason_not_to_begin(
    make: Callable[..., Session], campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make()

    def breaks(*_: Any) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(session.monitors, "first_check", breaks)
    assert refused(session, campaign) == {"conditions": "ZeroDivisionError: a mistake of ours"}


def test_the_list_as_text() -> None:
    text = as_text([Check("disk", "ok", "room"), Check("interlock", "refuse", "active"), Check("x", "note", "y")])
    assert text.splitlines() == ["ok    disk       room", "NO    interlock  active", "note  x          y"]
    assert as_text([]) == ""
