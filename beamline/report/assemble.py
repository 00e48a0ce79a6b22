"""From the records of a campaign to `NightData`: the only part of the report that knows documents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from beamline.campaign import Campaign
from beamline.campaign.observations import coupon_observations, dark_for, detector_of
from beamline.optimize import OptimizerStatus
from beamline.recipe import Coupon, Frozen, HeatTreatment, Observation, Suggestion
from beamline.records import Ledger, Quantities, Records, Run, axis_of, response_of
from beamline.report.data import (
    CouponNight,
    Decays,
    Decision,
    Exposures,
    Furnace,
    NightData,
    RunNote,
    SiteNight,
    Spectra,
)
from beamline.report.held import held_up
from beamline.report.phases import phases_of
from beamline.report.said import said_to

__all__ = ["night_data"]

Model = TypeVar("Model", bound=Frozen)


def night_data(records: Records, campaign_uid: str) -> NightData:
    """All that the records hold of a campaign.

    What the optimiser took in is taken from its decisions; a coupon that came to no decision is analysed here.

    Args:
        records: where the runs are.
        campaign_uid: of the campaign, or the beginning of it.

    Raises:
        LookupError: there is no such campaign.
    """
    first = [r for r in records.runs(purpose="campaign") if r.start["campaign"]["uid"].startswith(campaign_uid)]
    if len(first) != 1 or not campaign_uid:
        known = sorted({r.start["campaign"]["uid"] for r in records.runs(purpose="campaign")})
        found = "more than one campaign begins so" if len(first) > 1 else "there is none"
        raise LookupError(f"campaign {campaign_uid!r} in {records.folder}: {found}; known: {known}")
    start = first[0].start
    uid = start["campaign"]["uid"]
    runs = records.runs(campaign=uid)
    begin_s = float(start["clock_s"])
    notes = tuple(_note(run, begin_s) for run in runs)
    decisions = tuple(_decision(run, begin_s) for run in runs if run.start["purpose"] == "decision")
    seen = {
        (o.site.coupon, o.site.name): o
        for run in runs
        if run.start["purpose"] == "decision"
        for o in (_model(Observation, plain) for plain in run.start["ingested"])
    }
    ledger = Ledger.of(runs)
    serials = dict.fromkeys(str(r.start["coupon"]["serial"]) for r in runs if r.start["purpose"] == "writing")
    for serial in serials:
        if not any(coupon == serial for coupon, _ in seen):
            seen |= {(serial, o.site.name): o for o in coupon_observations(records, uid, serial)}
    whole = _Whole(runs, notes, decisions, ledger, seen)
    return NightData(
        name=start["campaign"]["name"],
        uid=uid,
        versions=dict(start["versions"]),
        instrument=dict(start["instrument"]),
        seed=int(start["seed"]),
        start_time=str(start.get("start_time", "")),
        campaign=_model(Campaign, start["campaign_file"]),
        parameters=dict(start["physics_parameters"]),
        expected_s=float(start["expected_s"]) if "expected_s" in start else None,
        duration_s=max(note.end_s for note in notes),
        coupons=tuple(_coupon(serial, whole) for serial in serials),
        decisions=decisions,
        runs=notes,
        problems=tuple(line for run in runs if run.damage for line in run.log.report().splitlines()),
        held=held_up(runs, begin_s),
        ended=_end_of(runs),
    )


def _model(kind: type[Model], plain: Mapping[str, Any]) -> Model:
    # by way of JSON, because a list is a tuple there, also to a strict model
    return kind.model_validate_json(json.dumps(plain))


def _clock_end(run: Run) -> float:
    """Clock of the last event; of the start where there is none (a stop document holds wall time only)."""
    clocks = [
        event["data"]["clock_s"] for s in run.streams for event in run.events(s)[-1:] if "clock_s" in event["data"]
    ]
    return float(max(clocks, default=run.start["clock_s"]))


def _note(run: Run, begin_s: float) -> RunNote:
    start, stop = run.start, run.stop or {}
    return RunNote(
        uid=run.uid,
        purpose=start["purpose"],
        coupon=str(start.get("coupon", {}).get("serial", "")),
        begin_s=float(start["clock_s"]) - begin_s,
        end_s=_clock_end(run) - begin_s,
        exit_status=str(stop.get("exit_status", "no end")),
        reason=str(stop.get("reason", "")),
    )


def _end_of(runs: Sequence[Run]) -> str:
    """What the last run says of the end, where the night did not end by a stop rule."""
    last = runs[-1].start
    if last["purpose"] != "end" or last["exit_status"] == "success":
        return ""
    return f"{_ENDED[last['exit_status']]}: {last['reason']}"


_ENDED = {"abort": "stopped", "fail": "failed"}


def _decision(run: Run, begin_s: float) -> Decision:
    start = run.start
    return Decision(
        uid=run.uid,
        clock_s=float(start["clock_s"]) - begin_s,
        n_coupon=int(start["n_coupon"]),
        verdict=start["verdict"],
        reason=str(start["reason"]),
        status=_model(OptimizerStatus, start["state"]),
        suggestion=_model(Suggestion, start["suggestion"]) if start.get("suggestion") else None,
        next_suggestion=_model(Suggestion, start["next_suggestion"]) if start.get("next_suggestion") else None,
        n_ingested=len(start["ingested"]),
        said=said_to(start),
    )


@dataclass(frozen=True, slots=True)
class _Whole:
    """What the parts of a night are made from."""

    runs: Sequence[Run]
    notes: Sequence[RunNote]
    decisions: Sequence[Decision]
    ledger: Ledger
    seen: Mapping[tuple[str, str], Observation]


def _coupon(serial: str, whole: _Whole) -> CouponNight:
    runs, notes = whole.runs, whole.notes
    begin_s = float(runs[0].start["clock_s"])
    own = [run for run in runs if run.start.get("coupon", {}).get("serial") == serial]
    by_purpose: dict[str, list[Run]] = {}
    for run in own:  # of one that was interrupted there are several
        by_purpose.setdefault(run.start["purpose"], []).append(run)
    decided = by_purpose["decision"][-1] if "decision" in by_purpose else None
    first = by_purpose["writing"][0].start
    suggestion = next((d.suggestion for d in whole.decisions if decided is not None and d.uid == decided.uid), None)
    furnaces = tuple(f for run in by_purpose.get("heat_treatment", ()) if (f := _furnace(run, begin_s)) is not None)
    end_s = next((n.begin_s for n in notes if n.purpose == "decision" and n.begin_s > _end(notes, serial)), None)
    return CouponNight(
        coupon=Coupon.model_validate(first["coupon"]),
        n_coupon=int(first["n_coupon"]),
        suggestion=suggestion,
        planned_s={k: float(v) for k, v in (decided.start.get("planned") or {}).items()} if decided else {},
        phases=phases_of([n for n in notes if n.coupon == serial], furnaces, end_s),
        sites=tuple(
            SiteNight(s.site, s.recipe, s.state, s.reason, whole.seen.get((serial, s.name)))
            for s in whole.ledger.coupon(serial).sites.values()
            if s.site is not None and s.recipe is not None
        ),
        exposures=_exposures(by_purpose["writing"], begin_s),
        furnaces=furnaces,
        spectra=_spectra(by_purpose.get("measurement", ()), begin_s),
        decays=_decays(by_purpose.get("measurement", ())),
    )


def _end(notes: Sequence[RunNote], serial: str) -> float:
    return max(n.end_s for n in notes if n.coupon == serial)


def _exposures(runs: Sequence[Run], begin_s: float) -> Exposures | None:
    fired = [run for run in runs if "exposures" in run.streams]
    if not fired:
        return None
    tables = [run.table("exposures") for run in fired]
    return Exposures(
        uids=tuple(run.uid for run in fired),
        clock_s=np.concatenate([table["clock_s"] for table in tables]) - begin_s,
        site_names=tuple(name for table in tables for name in table["site_name"].tolist()),
        power_at_sample_W=np.concatenate([table["laser_power_at_sample_W"] for table in tables]),
        pulse_energy_uJ=np.concatenate([table["laser_pulse_energy_uJ"] for table in tables]),
    )


def _furnace(run: Run, begin_s: float) -> Furnace | None:
    if "furnace" not in run.streams:
        return None
    table = run.table("furnace")
    return Furnace(
        uid=run.uid,
        treatment=HeatTreatment.model_validate(run.start["heat_treatment"]),
        clock_s=table["clock_s"] - begin_s,
        temperature_C=table["furnace_temperature_C"],
        setpoint_C=table["furnace_setpoint_C"],
    )


def _decays(runs: Sequence[Run]) -> Decays | None:
    counted = [run for run in runs if "decays" in run.streams]
    if not counted:
        return None
    events: dict[tuple[str, str], tuple[Quantities, int]] = {}
    for table in (run.table("decays") for run in counted):
        names, filters = table["site_name"].tolist(), table["lifetime_filter"].tolist()
        events |= {key: (table, i) for i, key in enumerate(zip(names, filters, strict=True))}
    return Decays(tuple(run.uid for run in counted), events)


def _spectra(runs: Sequence[Run], begin_s: float) -> Spectra | None:
    lit = [run for run in runs if "spectra" in run.streams]
    if not lit:
        return None
    config, axis_nm = lit[0].config("spectra"), axis_of(lit[0])
    counts, dark, integration, averages, clock = {}, {}, {}, {}, {}
    for run in lit:
        table = run.table("spectra")
        # Where a measurement was interrupted, its darks were taken by the one that went on.
        darks = [r.table("dark") for r in runs[list(runs).index(run) :] if "dark" in r.streams]
        for i, name in enumerate(table["site_name"].tolist()):
            counts[name] = np.asarray(table["spectrometer_counts"][i], dtype=float)
            integration[name] = float(table["spectrometer_integration_s"][i])
            averages[name] = int(table["spectrometer_n_averages"][i])
            clock[name] = float(table["clock_s"][i]) - begin_s
            found = (dark_for(integration[name], one) for one in darks)
            if (without := next((one for one in found if one is not None), None)) is not None:
                dark[name] = without
    return Spectra(
        uids=tuple(run.uid for run in lit),
        wavelength_nm=axis_nm,
        counts=counts,
        dark_counts=dark,
        integration_s=integration,
        n_averages=averages,
        detector=detector_of(config),
        clock_s=clock,
        response=response_of(lit[0].start, axis_nm),
    )
