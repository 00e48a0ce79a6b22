"""A spectrum with its wavelength axis and units, from a log or from the catalog: the same numbers from both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from beamline.records.calibrated import corrected_axis
from beamline.records.errors import RecordError
from beamline.records.nodes import stored_streams
from beamline.records.run import Run

__all__ = ["Spectrum", "spectrum"]

COUNTS: Final = "spectrometer_counts"
WAVELENGTH: Final = "spectrometer_wavelength_nm"
SITE: Final = "site_name"


class Spectrum(NamedTuple):
    """What the spectrometer saw of one site.

    Attributes:
        wavelength_nm: (n_pixels,) centre of each pixel, corrected by the run's own calibration where it has one.
        counts: (n_pixels,) mean raw counts of one exposure, dark not subtracted.
        units: unit of `wavelength_nm` and of `counts`, as the device declared them.
    """

    wavelength_nm: npt.NDArray[np.float64]
    counts: npt.NDArray[np.float64]
    units: dict[str, str]


def spectrum(run: Any, site_name: str, stream: str = "spectra") -> Spectrum:
    """The last spectrum of a site in a measurement run.

    Args:
        run: a `Run` of the log, or the run as the catalog's client gives it (`catalog[uid]`).
        site_name: which site.
        stream: "spectra", or "dark", whose events belong to no site (name "").

    Raises:
        RecordError: the run has no such stream, the stream no such site, or no wavelength axis.
    """
    counts, axis, units = (
        _of_log(run, site_name, stream) if isinstance(run, Run) else _of_client(run, site_name, stream)
    )
    wavelength_nm = np.asarray(axis, dtype=np.float64)
    if wavelength_nm.shape != counts.shape:
        raise RecordError(f"site {site_name!r}: {counts.shape} counts on a wavelength axis of {wavelength_nm.shape}")
    return Spectrum(wavelength_nm, counts, units)


_Parts = tuple[npt.NDArray[np.float64], Any, dict[str, str]]


def _of_log(run: Run, site_name: str, stream: str) -> _Parts:
    table = run.table(stream)
    config = run.config(stream)
    index = _last_index(table[SITE], site_name, run.uid, stream)
    if WAVELENGTH not in config:
        raise RecordError(f"run {run.uid}: the configuration of {stream!r} has no {WAVELENGTH}; it has {list(config)}")
    units = {"wavelength_nm": config.units.get(WAVELENGTH, ""), "counts": table.units[COUNTS]}
    return np.asarray(table[COUNTS][index], dtype=np.float64), corrected_axis(run.start, config[WAVELENGTH]), units


def _of_client(run: Any, site_name: str, stream: str) -> _Parts:
    uid = run.start["uid"]
    streams = stored_streams(run)
    if stream not in streams:
        raise RecordError(f"run {uid} has no stream {stream!r}; it has {sorted(streams)}")
    stored = streams[stream]
    metadata = stored.metadata
    index = _last_index(stored.numbers_and_words()[SITE], site_name, uid, stream)
    for device in metadata.get("configuration", {}).values():
        if WAVELENGTH in device.get("data", {}):
            axis, axis_unit = device["data"][WAVELENGTH], _unit(device.get("data_keys", {}), WAVELENGTH)
            break
    else:
        raise RecordError(f"run {uid}: the configuration of {stream!r} has no {WAVELENGTH}")
    units = {"wavelength_nm": axis_unit, "counts": _unit(metadata["data_keys"], COUNTS)}
    return np.asarray(stored.parts[COUNTS][index], dtype=np.float64), corrected_axis(run.start, axis), units


def _last_index(names: npt.NDArray[Any], site_name: str, uid: str, stream: str) -> int:
    indices = np.flatnonzero(np.asarray(names) == site_name)
    if not len(indices):
        raise RecordError(f"run {uid}: no event of site {site_name!r} in {stream!r}; there are {names.tolist()}")
    return int(indices[-1])


def _unit(data_keys: Mapping[str, Any], key: str) -> str:
    return str(data_keys.get(key, {}).get("units") or "")
