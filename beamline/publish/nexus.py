"""Runs as NeXus/HDF5.

Two kinds of entries. Each spectrum of a site is an NXentry of the application definition NXoptical_spectroscopy (experiment type
photoluminescence), with the recipe and the outcome of its site. Each run is an NXentry of base classes alone that holds
the whole of it: every stream with all its values and units, the configuration of the devices, start and stop document.
Spectra and outcomes of the first kind are in the second, or follow from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from beamline.problems import unit_of
from beamline.publish.results import Results, SiteResult, SiteSpectrum, site_spectra
from beamline.recipe import Frozen, Luminescence, Outcome
from beamline.records import Quantities, Run
from beamline.versions import code_version

if TYPE_CHECKING:
    import h5py

__all__ = ["DEFINITION", "DEFINITIONS_VERSION", "write_nexus"]

DEFINITION = "NXoptical_spectroscopy"
DEFINITIONS_VERSION = "v2026.01"
"""Release of the NeXus definitions that the entries are made and checked against."""

_URL = f"https://manual.nexusformat.org/classes/applications/{DEFINITION}.html"
EXCITATION_nm = 365.0
"""Nominal wavelength of the bench's lamp (P6)."""

SIGNALS: Mapping[str, str] = {
    "spectra": "spectrometer_counts",
    "dark": "spectrometer_counts",
    "furnace": "furnace_temperature_C",
    "exposures": "laser_power_at_sample_W",
    "intents": "laser_pulse_energy_uJ",
}
"""What of a stream is plotted by default."""


def write_nexus(path: Path | str, runs: Sequence[Run], results: Results | None = None) -> Path:
    """Write runs into a new NeXus file.

    Args:
        path: of the file; it must not exist.
        runs: which, in order.
        results: of the campaign that they belong to, for recipes and outcomes beside the spectra.

    Raises:
        ModuleNotFoundError: h5py is not installed.
        FileExistsError: there is such a file.
        ValueError: there are no runs.
    """
    import h5py  # noqa: PLC0415  # only needed here

    path = Path(path)
    if not runs:
        raise ValueError("no runs to write: a NeXus file has at least one entry")
    if path.exists():
        raise FileExistsError(f"{path} exists; remove it, or give another name")
    draft = path.with_name(f".{path.name}.part")
    try:
        with h5py.File(draft, "w") as file:
            _root(file, path.name, runs)
            spectra = [taken for run in runs for taken in site_spectra(run)]
            bench = _bench(results)
            entries = [_spectrum_entry(file, taken, _result_of(results, taken), bench) for taken in spectra]
            entries += [_run_entry(file, run) for run in runs]
            plotted = [entry for entry in entries if "default" in entry.attrs]
            file.attrs["default"] = (plotted or entries)[0].name.removeprefix("/")
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _root(file: h5py.File, name: str, runs: Sequence[Run]) -> None:
    import h5py  # noqa: PLC0415  # as above

    ends = [float((run.stop or run.start)["time"]) for run in runs]
    file.attrs.update(
        {
            "NX_class": "NXroot",
            "file_name": name,
            "file_time": _iso(max(ends)),  # when the content ended: the same records give the same file
            "creator": "vitrail",
            "creator_version": code_version(),
            "NeXus_version": DEFINITIONS_VERSION,
            "HDF5_Version": h5py.version.hdf5_version,
            "h5py_version": h5py.version.version,
        }
    )


def _result_of(results: Results | None, taken: SiteSpectrum) -> SiteResult | None:
    """What the campaign knows of the site of a spectrum."""
    serial = taken.run.start.get("coupon", {}).get("serial")
    sites = results.sites if results is not None else ()
    return next((s for s in sites if (s.coupon.serial, s.site.name) == (serial, taken.site_name)), None)


# --------------------------------------------------------------------------------------------------- a site's spectrum
def _spectrum_entry(file: h5py.File, taken: SiteSpectrum, result: SiteResult | None, bench: str) -> h5py.Group:
    start = taken.run.start
    serial = str(start.get("coupon", {}).get("serial", "coupon"))
    entry = _group(file, _free_name(file, f"{serial}_{taken.site_name}"), "NXentry", default="data")
    definition = _field(entry, "definition", DEFINITION)
    definition.attrs.update({"version": DEFINITIONS_VERSION, "URL": _URL})
    _field(entry, "title", f"Photoluminescence of site {taken.site_name} on coupon {serial}")
    _field(entry, "start_time", _iso(float(start["time"])))
    _field(entry, "end_time", _iso(taken.time))
    _field(entry, "identifier_experiment", taken.run.uid)
    _field(entry, "experiment_type", "photoluminescence")
    _field(entry, "experiment_description", _circumstances(taken.run))
    instrument = _group(entry, "instrument", "NXinstrument")
    if bench:
        _field(instrument, "name", bench)
    _excitation(instrument, is_bench=not start.get("imported"))
    _detector(instrument, taken)
    _program(instrument, start)
    _sample(entry, serial, taken.site_name, result)
    data = _group(entry, "data", "NXdata", signal="counts", axes=["wavelength"], wavelength_indices=0)
    _field(data, "title", f"{serial} {taken.site_name}, {taken.integration_s:g} s x {taken.n_averages}")
    _field(data, "wavelength", taken.wavelength_nm, "nm").attrs["long_name"] = "Wavelength (nm)"
    _field(data, "counts", taken.counts, "counts").attrs["long_name"] = "Mean counts, dark not subtracted"
    if taken.dark_counts is not None:
        data.attrs["auxiliary_signals"] = ["dark_counts"]
        _field(data, "dark_counts", taken.dark_counts, "counts").attrs["long_name"] = "Mean counts, excitation off"
    if result is not None and result.spectrum is not None and result.observation is not None:
        last = result.spectrum
        if (last.run.uid, last.index) == (taken.run.uid, taken.index):
            _outcome(entry, result.observation.outcome, start)
    return entry


def _bench(results: Results | None) -> str:
    """Name of the instrument, and whether it was a simulated one; empty where the records do not tell."""
    name = str(results.first.start.get("instrument", {}).get("name", "")) if results is not None else ""
    return f"{name} (simulated: no glass was touched)" if results is not None and results.is_simulated else name


def _circumstances(run: Run) -> str:
    if run.start.get("imported"):
        return "Measured by hand and imported; times are those of the import."
    clock = f"; {run.start['clock_s']:.0f} s on the bench's clock" if "clock_s" in run.start else ""
    return f"Recorded by vitrail, run {run.uid}{clock}."


def _excitation(instrument: h5py.Group, *, is_bench: bool) -> None:
    beam = _group(instrument, "beam_excitation", "NXbeam")
    _field(beam, "parameter_reliability", "nominal")
    _field(beam, "associated_source", f"{instrument.name}/source_excitation")
    source = _group(instrument, "source_excitation", "NXsource")
    _field(source, "name", "excitation lamp")
    _field(source, "associated_beam", f"{instrument.name}/beam_excitation")
    if is_bench:  # what was used by hand nobody has told
        _field(beam, "incident_wavelength", EXCITATION_nm, "nm")


def _detector(instrument: h5py.Group, taken: SiteSpectrum) -> None:
    detector = _group(instrument, "detector_spectrometer", "NXdetector")
    _field(detector, "detector_channel_type", "multichannel")
    _field(detector, "count_time", taken.integration_s, "s")
    _field(detector, "saturation_value", float(taken.config["spectrometer_saturation_counts"]), "counts")
    settings = _group(detector, "settings", "NXcollection")
    _field(settings, "n_averages", taken.n_averages, "exposures")
    for key in ("read_noise_counts", "gain_counts_per_electron"):
        full = f"spectrometer_{key}"
        _field(settings, key, float(taken.config[full]), taken.config.units.get(full, ""))
    raw = _group(detector, "raw_data", "NXdata", signal="raw", axes=["wavelength"], wavelength_indices=0)
    _field(raw, "wavelength", taken.wavelength_nm, "nm")
    _field(raw, "raw", taken.counts, "counts")


def _program(instrument: h5py.Group, start: Mapping[str, Any]) -> None:
    software = _group(instrument, "software_vitrail", "NXprogram")
    _field(software, "program", "vitrail").attrs["version"] = str(start.get("versions", {}).get("vitrail", "unknown"))


def _sample(entry: h5py.Group, serial: str, site_name: str, result: SiteResult | None) -> None:
    sample = _group(entry, "sample", "NXsample")
    _field(sample, "name", f"{serial} {site_name}")
    _field(sample, "sample_id", f"{serial}/{site_name}")
    _field(sample, "physical_form", "glass")
    if result is None:
        return
    glass = result.coupon.glass
    _field(
        sample, "description", f"Borosilicate glass {glass.name} with Cs, Pb, Br {glass.bromide:g}, I {glass.iodide:g}"
    )
    place = _group(sample, "place", "NXcollection")
    _words(place, result.site, ("x_mm", "y_mm"))
    _words(place, glass, ("bromide", "iodide"))
    history = _group(sample, "history", "NXhistory")
    if result.recipe is not None and result.writing_run:
        writing = result.recipe.writing
        _activity(history, "writing", f"femtosecond laser, {writing.mode}; run {result.writing_run}", writing)
    if result.heat_treatment is not None:
        _activity(history, "heat_treatment", f"furnace; run {result.heat_treatment_run}", result.heat_treatment)


def _activity(history: h5py.Group, name: str, about: str, words: Frozen) -> None:
    activity = _group(history, name, "NXactivity")
    _field(activity, "description", about)
    settings = _group(activity, "settings", "NXcollection")
    _words(settings, words, tuple(key for key in type(words).model_fields if key != "mode"))


def _outcome(entry: h5py.Group, outcome: Outcome, start: Mapping[str, Any]) -> None:
    process = _group(entry, "analysis", "NXprocess")
    _field(process, "program", "vitrail")
    _field(process, "version", str(start.get("versions", {}).get("vitrail", "unknown")))
    found = _group(process, "outcome", "NXcollection")
    plain = tuple(key for key in type(outcome).model_fields if key != "bands")
    _words(found, outcome, plain)
    if isinstance(outcome, Luminescence):
        for band in outcome.bands:
            group = _group(found, band.phase, "NXcollection")
            _words(group, band, tuple(key for key in type(band).model_fields if key != "phase"))


def _words(group: h5py.Group, words: Frozen, names: Iterable[str]) -> None:
    """Fields of one of the project's words, with the units that it declares."""
    for name in names:
        info = type(words).model_fields[name]
        value = getattr(words, name)
        _field(group, name, value, "" if isinstance(value, str) else unit_of(info) or "1")


# --------------------------------------------------------------------------------------------------------- a whole run
def _run_entry(file: h5py.File, run: Run) -> h5py.Group:
    start, stop = run.start, run.stop
    purpose = str(start.get("purpose") or start.get("plan_name") or "run")
    entry = _group(file, _free_name(file, f"run_{purpose}_{run.uid[:8]}"), "NXentry")
    serial = start.get("coupon", {}).get("serial", "")
    _field(entry, "title", f"{purpose}{' of coupon ' + serial if serial else ''}")
    _field(entry, "start_time", _iso(float(start["time"])))
    if stop is not None:
        _field(entry, "end_time", _iso(float(stop["time"])))
    _field(entry, "entry_identifier_uuid", run.uid)
    for name, document in (("start_document", start), ("stop_document", stop)):
        if document is not None:
            note = _group(entry, name, "NXnote")
            _field(note, "type", "application/json")
            _field(note, "data", json.dumps(document, default=_plain, ensure_ascii=False))
    for stream in run.streams:
        table, config = run.table(stream), run.config(stream)
        _stream(entry, stream, table, config)
        if "default" not in entry.attrs and SIGNALS.get(stream) in table:
            entry.attrs["default"] = stream
    return entry


def _stream(entry: h5py.Group, stream: str, table: Quantities, config: Quantities) -> None:
    signal, axis = SIGNALS.get(stream), "spectrometer_wavelength_nm"
    group = _group(entry, stream, "NXdata")
    for key, values in table.items():
        _field(group, key, values, "1" if key == "seq_num" else table.units[key])
    settings = _group(entry, f"{stream}_configuration", "NXcollection")
    for key, value in config.items():
        _field(settings, key, value, config.units.get(key, ""))
    if signal is not None and signal in table:
        is_spectrum = np.ndim(table[signal]) == 2 and axis in config
        axes = ["clock_s" if "clock_s" in table else "time", *((axis,) if is_spectrum else ())]
        if is_spectrum:
            group[axis] = settings[axis]
        group.attrs.update({"signal": signal, "axes": axes, **{f"{a}_indices": i for i, a in enumerate(axes)}})


# --------------------------------------------------------------------------------------------------------------- parts
def _group(parent: h5py.Group, name: str, nx_class: str, **attributes: Any) -> h5py.Group:
    group = parent.create_group(name)
    group.attrs["NX_class"] = nx_class
    group.attrs.update(attributes)
    return group


def _field(parent: h5py.Group, name: str, value: Any, unit: str = "") -> h5py.Dataset:
    import h5py  # noqa: PLC0415  # as above

    array = np.asarray(value)
    if array.dtype.kind in "US":
        field = parent.create_dataset(name, data=array.astype(object), dtype=h5py.string_dtype())
    elif array.dtype.kind == "O" and array.ndim == 1 and all(isinstance(v, np.ndarray) and v.ndim == 1 for v in array):
        field = parent.create_dataset(
            name, data=array, dtype=h5py.vlen_dtype(np.float64)
        )  # arrays of different lengths
    elif array.dtype.kind == "O":
        field = parent.create_dataset(name, data=json.dumps(value, default=_plain), dtype=h5py.string_dtype())
    else:
        field = parent.create_dataset(name, data=array)
    if unit:
        field.attrs["units"] = unit
    return field


def _free_name(parent: h5py.Group, wanted: str) -> str:
    """A name that NeXus allows and the group does not have: letters, digits and underscores."""
    name = re.sub(r"\W", "_", wanted, flags=re.ASCII)
    n = 2
    while name in parent:
        name, n = f"{re.sub(r'_n[0-9]+$', '', name)}_n{n}", n + 1
    return name


def _iso(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds")


def _plain(value: Any) -> Any:
    """What JSON knows for what it does not."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)
