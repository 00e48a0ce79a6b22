"""A measurement into the records: one run of `purpose="characterisation"`, attached to a coupon or to one of its sites.

Stream `data`, one event with the whole curve; the start document says technique, axis and unit, file and checksum, by whom and
when. The ledger passes such runs over: they change no site.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import event_model
import numpy as np

from beamline.imports.manual import SourceFile
from beamline.offline.reading import OfflineError, OfflineMeasurement
from beamline.offline.technique import AXES, TECHNIQUES
from beamline.recipe import Coupon, as_plain
from beamline.records import Ledger, LogWriter, Records, Run
from beamline.versions import versions

__all__ = ["PURPOSE", "AlreadyAttachedError", "attach", "attached"]

PURPOSE = "characterisation"


class AlreadyAttachedError(OfflineError):
    """The same file is attached to the same place already.

    To do: nothing: it is there.
    """


def attach(
    records: Records,
    measurement: OfflineMeasurement,
    *,
    coupon: str,
    site: str | None = None,
    by: str,
    now: datetime,
    measured_on: str = "",
    remark: str = "",
) -> str:
    """Record a measurement.

    Args:
        records: where to; they must know the coupon.
        measurement: checked already.
        coupon: serial.
        site: name of a site on it; None: it is of the whole coupon.
        by: who brings it in.
        now: when.
        measured_on: day or moment of the measurement, ISO 8601.
        remark: what a reader should know.

    Returns:
        uid of the run.

    Raises:
        OfflineError: the records do not know the coupon or the site, or the day is none.
        AlreadyAttachedError: it is there already.
        LogWriteError: the disk refuses.
    """
    known, sites = _known(records, coupon, site)
    if measured_on:
        try:
            datetime.fromisoformat(measured_on)
        except ValueError as error:
            raise OfflineError(f"measured on {measured_on!r} is no date; write 2026-01-31, or with its time") from error
    about: dict[str, Any] = {
        "technique": measurement.technique.name,
        "axis": measurement.axis.name,
        "x_ray_wavelength_A": measurement.x_ray_wavelength_A,
        "by": by,
        "measured_on": measured_on,
        "remark": remark,
        "note": measurement.note,
        "file": asdict(measurement.file),
    }
    wanted = {"technique": about["technique"], "note": about["note"], "file": {"sha256": measurement.file.sha256}}
    for run in records.runs(purpose=PURPOSE, coupon=coupon, characterisation=wanted):
        if list(run.start["sites"]) == list(sites):
            raise AlreadyAttachedError(
                f"{measurement.file.name} is attached to {coupon} {site or ''} already, by "
                f"{run.start['characterisation']['by']}, in run {run.uid[:8]}"
            )
    metadata = {
        "purpose": PURPOSE,
        "plan_name": "attach",
        "plan_type": "attach",  # no plan ran and nothing was counted, but Bluesky's callbacks print both of any run
        "scan_id": 0,
        "imported": True,
        "versions": versions(),
        "coupon": as_plain(known),
        "sites": sites,
        "characterisation": about,
    }
    with LogWriter(records.folder) as log:
        return _write(log, metadata, measurement, now.timestamp())


def _known(records: Records, serial: str, site: str | None) -> tuple[Coupon, dict[str, Any]]:
    """The coupon as the records have it, and its site by name."""
    ledger = Ledger.of(records.runs())
    record = ledger.coupon(serial)
    if record.glass is None:
        there = ", ".join(sorted(one.serial for one in ledger.coupons())[:10]) or "none"
        raise OfflineError(f"the records in {records.folder} do not know coupon {serial!r}; they know {there}")
    coupon = Coupon(serial=serial, glass=record.glass, width_mm=record.width_mm, height_mm=record.height_mm)
    if site is None:
        return coupon, {}
    found = record.sites.get(site)
    if found is None or found.site is None:
        there = ", ".join(sorted(record.sites)[:10]) or "none"
        raise OfflineError(f"coupon {serial} has no site {site!r} in the records; it has {there}")
    return coupon, {site: as_plain(found.site)}


def _write(log: Any, metadata: dict[str, Any], measurement: OfflineMeasurement, time: float) -> str:
    technique, axis = measurement.technique, measurement.axis
    values: dict[str, tuple[Any, str]] = {
        axis.name: (measurement.x, axis.unit),
        "signal": (measurement.y, technique.signal_unit),
    }
    if measurement.delays_ps is not None:
        values["delay_ps"] = (measurement.delays_ps, "ps")
    run = event_model.compose_run(metadata=metadata, time=time)
    log("start", run.start_doc)
    keys = {
        key: {
            "source": measurement.file.name,
            "dtype": "array",
            "dtype_numpy": "<f8",
            "shape": list(np.shape(value)),
            "units": unit,
        }
        for key, (value, unit) in values.items()
    }
    stream = run.compose_descriptor(name="data", data_keys=keys, time=time, validate=False)
    log("descriptor", stream.descriptor_doc)
    data = {key: value for key, (value, _) in values.items()}
    log("event", stream.compose_event(data=data, timestamps=dict.fromkeys(data, time), time=time))
    log("stop", run.compose_stop(time=time))
    return str(run.start_doc["uid"])


def attached(run: Run) -> OfflineMeasurement:
    """The measurement of a run.

    Raises:
        OfflineError: it is no run of a characterisation.
    """
    if run.start.get("purpose") != PURPOSE:
        raise OfflineError(f"run {run.uid[:8]} is no characterisation, but {run.start.get('purpose')!r}")
    about, table = run.start["characterisation"], run.table("data")
    axis = AXES[about["axis"]]
    delays: Sequence[Any] | None = table["delay_ps"][0] if "delay_ps" in table else None
    return OfflineMeasurement(
        technique=TECHNIQUES[about["technique"]],
        axis=axis,
        x=np.asarray(table[axis.name][0], dtype=float),
        y=np.asarray(table["signal"][0], dtype=float),
        delays_ps=None if delays is None else np.asarray(delays, dtype=float),
        x_ray_wavelength_A=about["x_ray_wavelength_A"],
        note=about["note"],
        file=SourceFile(**about["file"]),
    )
