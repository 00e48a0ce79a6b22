"""The check-list before a night: everything that can be known before the first coupon is touched, and why not to begin.

Nothing is moved. Each line stands on its own: one that cannot be looked at keeps no other from being looked at.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

from bluesky.simulators import check_limits
from ophyd.utils import LimitError

from beamline.audit import audit_path
from beamline.campaign import Campaign, duration_text, estimate_night
from beamline.campaign.state_file import state_path
from beamline.experiments import VALID_DAYS, last_calibrations
from beamline.recipe import Coupon, Recipe
from beamline.records import Records
from beamline.records.calibrated import FURNACE_OFFSET
from beamline.session import Session
from devices import DeviceError
from plans import CouponInHand, NightLabel, furnace_setpoint, measure_coupon, write_coupon

__all__ = ["Check", "Verdict", "as_text", "expected_bytes", "preflight", "preflight_rest", "recorded_days", "refusals"]

Verdict = Literal["ok", "note", "refuse"]

SITE_BYTES, EVENT_BYTES, COUPON_BYTES, NIGHT_BYTES = 20_000, 1_000, 60_000, 20_000_000
"""A spectrum of 2048 numbers; any other event; start documents of a coupon's runs; report and indexes of a night."""
DECAY_BYTES = 70_000
"""Counts and response of a decay, 4096 numbers each."""
CATALOG = 2.0
"""Log, and the catalog's copy of it."""
CALIBRATED_DAYS = int(VALID_DAYS)
"""Age from which a calibration is mentioned."""
CLOCK_SLACK_S = 60.0


@dataclass(frozen=True)
class Check:
    """One line of the list.

    Attributes:
        name: what was looked at.
        verdict: "refuse" keeps the night from being begun.
        said: what was found; of a refusal also what is allowed and what to do.
    """

    name: str
    verdict: Verdict
    said: str


def refusals(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Those that keep the night from being begun."""
    return tuple(check for check in checks if check.verdict == "refuse")


def as_text(checks: Sequence[Check]) -> str:
    """The list as lines: a mark, what was looked at, what was found."""
    marks = {"ok": "ok", "note": "note", "refuse": "NO"}
    width = max((len(check.name) for check in checks), default=0)
    return "\n".join(f"{marks[check.verdict]:<5} {check.name:<{width}}  {check.said}" for check in checks)


def preflight(session: Session, campaign: Campaign, coupons: Sequence[Coupon], start: datetime) -> tuple[Check, ...]:
    """The list, for a campaign on an open session.

    Args:
        session: the instrument; its engine is idle.
        campaign: what is to be done.
        coupons: of the campaign that may still be used.
        start: of the night, with its time zone.
    """
    looks: tuple[tuple[str, Callable[[], Iterator[tuple[Verdict, str]]]], ...] = (
        ("connections", lambda: _connections(session)),
        ("watchdog", lambda: _watchdog(session)),
        ("conditions", lambda: _conditions(session)),
        ("limits", lambda: _limits(session, campaign, coupons)),
        ("laser power", lambda: _power(session, campaign)),
        ("coupons", lambda: _coupons(session, campaign, coupons)),
        ("disk", lambda: _disk(session, campaign, campaign.n_coupons_max)),
        ("calibrations", lambda: _calibrations(session, start.date())),
        ("clock", lambda: _clock(session, start)),
        ("time", lambda: _time(session, campaign, coupons, start)),
    )
    return tuple(Check(name, verdict, said) for name, look in looks for verdict, said in _tried(look))


def preflight_rest(session: Session, campaign: Campaign, n_coupons: int, start: datetime) -> tuple[Check, ...]:
    """The list for a night that is gone on with: what may have changed since it began, and no coupon can tell.

    Devices answered when the session was opened, conditions are looked at before the first step, and where the coupons are
    the records say.

    Args:
        session: of the night, opened anew.
        campaign: that is gone on with.
        n_coupons: that it may still use, with the one in hand.
        start: now, with its time zone.
    """
    looks: tuple[tuple[str, Callable[[], Iterator[tuple[Verdict, str]]]], ...] = (
        ("watchdog", lambda: _watchdog(session)),
        ("disk", lambda: _disk(session, campaign, n_coupons)),
        ("calibrations", lambda: _calibrations(session, start.date())),
        ("clock", lambda: _clock(session, start)),
    )
    return tuple(Check(name, verdict, said) for name, look in looks for verdict, said in _tried(look))


def _tried(look: Callable[[], Iterator[tuple[Verdict, str]]]) -> Iterator[tuple[Verdict, str]]:
    try:
        yield from look()
    except Exception as error:  # noqa: BLE001  # what cannot be looked at is a reason not to begin, whatever it is
        yield "refuse", f"{type(error).__name__}: {error}"


# -------------------------------------------------------------------------------------------------------------- the bench
def _connections(session: Session) -> Iterator[tuple[Verdict, str]]:
    """Every role is read once."""
    n_readings, failed = 0, False
    for name, role in session.bench.roles.items():
        try:
            n_readings += len(role.read())
        except DeviceError as error:
            failed = True
            yield "refuse", f"{name}: {error}"
    if not failed:
        drivers = ", ".join(dict.fromkeys(session.instrument.drivers.values()))
        yield "ok", f"{len(session.bench.roles)} devices answer, {n_readings} readings (drivers: {drivers})"


def _watchdog(session: Session) -> Iterator[tuple[Verdict, str]]:
    for text in session.watchdog_did:
        yield "note", f"since the last session: {text}"
    if session.watch is None:
        yield "ok", "none: nothing simulated needs one"
    elif session.watch.is_alive:
        yield "ok", f"process {session.watch.pid} watches the engine, and has reached laser and furnace"
    else:
        yield "refuse", "its process is gone; open the session again"


def _conditions(session: Session) -> Iterator[tuple[Verdict, str]]:
    """Interlock, furnace, stage, disk: what would hold the night up at once."""
    found = session.monitors.first_check()
    for name, finding in found:
        yield "refuse", f"{name}: {finding.reason}; it can begin when {finding.ends}"
    if hasattr(session.bench.laser.driver, "is_interlocked"):
        interlock = "interlock is read"
    else:
        interlock = "this laser's driver reads no interlock: the hardware's own is all there is"
    if not found:
        names = ", ".join(monitor.name for monitor in session.monitors.monitors)
        yield "ok", f"in order: {names}; {interlock}"
    laser = session.bench.laser.driver
    if laser.is_output_open:
        yield "refuse", "the laser's output is open; close it"


# ----------------------------------------------------------------------------------------------------------- the campaign
def _limits(session: Session, campaign: Campaign, coupons: Sequence[Coupon]) -> Iterator[tuple[Verdict, str]]:
    """The plans of the campaign at the ends of its space, at every site, message by message against the devices' limits."""
    space, bench = campaign.space, session.bench
    dry_run = _DryRun()
    pace = space.speed_mm_s if space.mode == "line" else space.exposure_s
    ends = itertools.product(dict.fromkeys(space.pulse_energy_uJ), dict.fromkeys(pace))
    writings = [space.writing(energy_uJ, at, space.n_passes[1]) for energy_uJ, at in ends]
    treatment = space.heat_treatment(space.temperature_C[1], space.hold_s[1])
    for coupon in {(coupon.width_mm, coupon.height_mm): coupon for coupon in coupons}.values():
        sites = {site.name: site for site in campaign.layout(coupon)}
        for writing in writings:
            recipes = dict.fromkeys(sites, Recipe(writing=writing, heat_treatment=treatment))
            label = NightLabel(campaign.name, "dry-run", {})
            hand = CouponInHand(label, coupon, 1, "dry-run", sites, recipes)
            dry_run.plan(write_coupon(bench, hand))
        dry_run.plan(measure_coupon(bench, hand, campaign.measuring))
    dry_run.values(bench.furnace.check_value, space.temperature_C)
    if FURNACE_OFFSET in bench.calibrations():
        dry_run.values(partial(furnace_setpoint, bench), space.temperature_C)
    dry_run.values(bench.furnace.ramp_C_min.check_value, (space.ramp_C_min,))
    laser = None if session.instrument.bench is None else session.instrument.bench.laser.light_conversion
    if laser is not None:
        dry_run.values(laser.percent, space.pulse_energy_uJ)
    for problem in dry_run.problems:
        yield "refuse", problem
    if not dry_run.problems:
        yield "ok", f"{dry_run.n_messages} messages of dry runs at the ends of the space are within the devices' limits"


class _DryRun:
    """Counts the messages of plans that are not carried out, and keeps what the devices would have refused."""

    def __init__(self) -> None:
        self.n_messages = 0
        self.problems: dict[str, None] = {}

    def plan(self, plan: Any) -> None:
        self._try(lambda: check_limits(self._counted(plan)))

    def values(self, check: Callable[[float], object], values: Sequence[float]) -> None:
        for value in dict.fromkeys(values):
            self._try(partial(check, value))

    def _counted(self, plan: Any) -> Iterator[Any]:
        for msg in plan:
            self.n_messages += 1
            yield msg

    def _try(self, check: Callable[[], object]) -> None:
        try:
            check()
        except (LimitError, TypeError, DeviceError) as error:
            self.problems[str(error)] = None


def _power(session: Session, campaign: Campaign) -> Iterator[tuple[Verdict, str]]:
    """Highest energy times repetition rate: what the laser can give on average."""
    space, most_W = campaign.space, session.instrument.laser_power_max_W
    pace = space.speed_mm_s if space.mode == "line" else space.exposure_s
    writing = space.writing(space.pulse_energy_uJ[1], pace[0], space.n_passes[1])
    asked_W = writing.pulse_energy_uJ * writing.repetition_rate_kHz * 1e-3
    words = f"{writing.pulse_energy_uJ:g} uJ at {writing.repetition_rate_kHz:g} kHz are {asked_W:.3g} W"
    if asked_W > most_W:
        yield "refuse", f"{words}, the laser gives {most_W:g} W at most; lower space.pulse_energy_uJ or the rate"
    else:
        yield "ok", f"{words} at most, of {most_W:g} W"


def _coupons(session: Session, campaign: Campaign, coupons: Sequence[Coupon]) -> Iterator[tuple[Verdict, str]]:
    here = set(session.bench.changer.driver.serials)
    missing = [coupon.serial for coupon in coupons if coupon.serial not in here]
    if missing:
        yield "refuse", f"{', '.join(missing)}: not in the rack; put them there, or take them out of the campaign file"
    if not coupons:
        yield "refuse", "every coupon of the file has been used or is marked as damaged; put new ones in"
    elif len(coupons) < campaign.n_coupons_max:
        n, asked = len(coupons), campaign.n_coupons_max
        yield (
            "note",
            f"{n} of the {asked} that the campaign may use: the others have been used, or are marked as damaged",
        )
    elif not missing:
        yield "ok", f"{len(coupons)} at hand, {campaign.n_coupons_max} at most are used"


def expected_bytes(campaign: Campaign, n_coupons: int, furnace_s: float) -> int:
    """What a night adds to the disk, from sizes that were measured; `furnace_s`: time in the furnace for each coupon, s."""
    n_sites = max((len(campaign.layout(coupon)) for coupon in campaign.coupons), default=0)
    decay = campaign.measuring.decay
    n_decays = 0 if decay is None else len(decay.phases or ())
    per_site = SITE_BYTES + EVENT_BYTES * (1 + campaign.space.n_passes[1]) + DECAY_BYTES * n_decays
    per_coupon = COUPON_BYTES + SITE_BYTES + n_sites * per_site + EVENT_BYTES * furnace_s / 60.0
    return round(CATALOG * n_coupons * per_coupon + NIGHT_BYTES)


def _disk(session: Session, campaign: Campaign, n_coupons: int) -> Iterator[tuple[Verdict, str]]:
    """Room for what is expected, and that it may be written: log, state with what is asked of the night, audit trail."""
    folder = session.records.folder
    for place, what in ((folder / "log", "the records"), (state_path(folder, "").parent, "the state of the night")):
        if problem := _cannot_be_written(place):
            yield "refuse", f"{what} cannot be written in {place}: {problem}; give write access, or another --data"
    if problem := _cannot_be_appended(audit_path(folder)):
        yield "note", f"nobody will know who did what: {audit_path(folder)} cannot be written: {problem}"
    now = datetime.now(UTC)
    longest = estimate_night(campaign, session.instrument.times, now).longest
    heating_s = sum(phase.duration_s for phase in longest.phases if phase.name in {"ramp_up", "hold", "cool"})
    wanted = expected_bytes(campaign, n_coupons, heating_s)
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e9:.1f} GB free, about {wanted / 1e6:.0f} MB expected"
    if free < 2 * wanted + 500_000_000:
        yield "refuse", f"{words}; twice that and 500 MB must be free: make room, or give another --data"
    else:
        yield "ok", words


def _cannot_be_written(folder: Path) -> str:
    """Why a folder takes no file; empty where it does. The file that is tried has no name, and is gone."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"tried")
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _cannot_be_appended(path: Path) -> str:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644))
    except OSError as error:
        return error.strerror or str(error)
    return ""


def recorded_days(records: Records) -> dict[str, date]:
    """By role, the local day of its newest calibration run."""
    return {
        role: datetime.fromtimestamp(run.start["time"], UTC).astimezone().date()
        for role, run in last_calibrations(records).items()
    }


def _calibrations(session: Session, today: date) -> Iterator[tuple[Verdict, str]]:
    known: dict[str, date] = {str(role): day for role, day in session.instrument.calibrated.items()}
    for role, day in recorded_days(session.records).items():
        known[role] = max(day, known.get(role, day))
    if session.instrument.bench is None:
        yield "ok", "nothing to calibrate on the simulated bench"
        return
    for role in ("laser", "stage", "furnace", "spectrometer"):
        when = known.get(role)
        if when is None:
            yield (
                "note",
                f"{role}: not known; run its calibration, or write the day under [calibrated] in the instrument file",
            )
            continue
        days = (today - when).days
        if days < 0:
            yield "refuse", f"{role}: on {when}, which is in the future; correct [calibrated], or this computer's clock"
        elif days > CALIBRATED_DAYS:
            yield "note", f"{role}: {days} days ago; more than {CALIBRATED_DAYS} are long"
        else:
            yield "ok", f"{role}: {days} days ago"


# ---------------------------------------------------------------------------------------------------------------- the time
def _clock(session: Session, start: datetime) -> Iterator[tuple[Verdict, str]]:
    """This computer's clock against the newest record: deadlines and the order of records live by it."""
    newest = max((run.start["time"] for run in session.records.runs()), default=0.0)
    ahead_s = newest - start.timestamp()
    if ahead_s > CLOCK_SLACK_S:
        yield "refuse", f"the newest record is {duration_text(ahead_s)} ahead of this computer's clock; set the clock"
    else:
        yield "ok", f"{start:%Y-%m-%d %H:%M} {start.tzname() or ''}".rstrip()


def _time(
    session: Session, campaign: Campaign, coupons: Sequence[Coupon], start: datetime
) -> Iterator[tuple[Verdict, str]]:
    if not coupons:
        return
    estimate = estimate_night(campaign, session.instrument.times, start)
    expected = estimate.expected
    n = min(expected.n_coupons, len(coupons))
    said = (
        f"about {duration_text(expected.duration_s * n / expected.n_coupons)} for {n} coupon{'' if n == 1 else 's'} at hand; "
        f"{expected.n_coupons} of {campaign.n_coupons_max} until {expected.end:%a %H:%M}"
    )
    yield ("ok" if expected.n_coupons >= min(campaign.n_coupons_max, len(coupons)) else "note"), said
