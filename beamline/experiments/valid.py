"""Which calibrations are valid at a time: what a run writes down of them when it begins, and is analysed with for ever.

The rule: of each kind the newest run that ended well, of the same instrument, from which a calibration can be worked out; if it
is older than `VALID_DAYS` there is none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from beamline.experiments.calibrations import CalibrationError, furnace_calibration, response_calibration
from beamline.experiments.wavelengths import wavelength_calibration
from beamline.records import Records, Run
from beamline.records.calibrated import FURNACE_OFFSET, RESPONSE, WAVELENGTH

__all__ = ["VALID_DAYS", "valid_calibrations"]

_logger = logging.getLogger(__name__)

VALID_DAYS: Final = 90.0
"""Age up to which a calibration is used (assumed: gratings and thermocouples move over seasons)."""
NODE_nm: Final = 2.0
"""Distance of the wavelengths at which a run notes the response: it is smooth, and pixels have noise."""
NEEDED_nm: Final = (490.0, 700.0)
"""What a response must cover: both bands and their background."""


def valid_calibrations(records: Records, identity: str, now_s: float) -> dict[str, dict[str, Any]]:
    """By kind: run, when it was taken, its age, and its values; JSON.

    Args:
        records: in which the calibrations are.
        identity: of the instrument, as `Bench.identity`.
        now_s: wall clock, seconds since 1970.
    """
    found: dict[str, dict[str, Any]] = {}
    runs = [run for run in records.runs(purpose="calibration", until=now_s) if _is_of(run, identity)]
    for kind, plain in _PLAIN.items():
        for run in reversed([one for one in runs if one.start["calibration"]["kind"] == kind]):
            age_days = (now_s - float(run.start["time"])) / 86400.0
            if age_days > VALID_DAYS:
                break
            try:
                values = plain(run)
            except CalibrationError as error:
                _logger.warning("%s is not used: %s", kind, error)
                continue
            found[kind] = {"run": run.uid, "time": float(run.start["time"]), "age_days": round(age_days, 3), **values}
            break
    return found


def _is_of(run: Run, identity: str) -> bool:
    return (run.stop or {}).get("exit_status") == "success" and run.start["calibration"].get("instrument") == identity


def _wavelength(run: Run) -> dict[str, Any]:
    return wavelength_calibration(run).plain


def _response(run: Run) -> dict[str, Any]:
    axis, response = response_calibration(run)
    edges = np.arange(np.ceil(axis[0]), axis[-1] + NODE_nm, NODE_nm)
    which = np.digitize(axis, edges)
    nodes, values = [], []
    for i in range(1, edges.size):
        inside = response[which == i]
        if inside.size:
            nodes.append(float(axis[which == i].mean()))
            values.append(float(np.mean(inside)))  # not a number where one is not
    known = np.flatnonzero(np.isfinite(values))
    if not known.size or known[-1] - known[0] + 1 != known.size:
        raise CalibrationError(f"run {run.uid[:8]}: the response has gaps: expose the lamp longer")
    kept = slice(int(known[0]), int(known[-1]) + 1)
    if nodes[kept][0] > NEEDED_nm[0] or nodes[kept][-1] < NEEDED_nm[1]:
        raise CalibrationError(
            f"run {run.uid[:8]}: the response is known from {nodes[kept][0]:.0f} to {nodes[kept][-1]:.0f} nm; "
            f"{NEEDED_nm[0]:g} to {NEEDED_nm[1]:g} nm are needed: a certificate over all of it, and more light"
        )
    return {"wavelength_nm": nodes[kept], "response": values[kept]}


def _furnace(run: Run) -> dict[str, Any]:
    sensor_C, offset_C = furnace_calibration(run).nodes
    return {"temperature_C": sensor_C.tolist(), "offset_C": offset_C.tolist()}


_PLAIN: Mapping[str, Callable[[Run], dict[str, Any]]] = {
    WAVELENGTH: _wavelength,
    RESPONSE: _response,
    FURNACE_OFFSET: _furnace,
}
