"""The documents of manual runs: the same as a night's, marked `imported`, with where everything came from.

Nothing is made up: a power that nobody measured is NaN, a furnace that nobody logged has no samples. `clock_s` is reckoned from
the recipes, work only; times of documents are those of the import.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import event_model
import numpy as np

from beamline.imports.manual import ManualCoupon, ManualRuns, ManualSite
from beamline.recipe import Line, as_plain
from beamline.versions import versions

__all__ = ["Import", "record"]

Sink = Callable[[str, dict[str, Any]], object]

_STEP_S = 1e-5
"""Between two documents: each run gets a file name of its own, in their order."""


class Import:
    """Emits the runs of one import.

    Args:
        sink: takes the documents.
        name: of the campaign that they make up.
        by: who imports them.
        now: when.
        after: uid of an earlier campaign in whose line these runs stand.
    """

    def __init__(self, sink: Sink, runs: ManualRuns, *, name: str, by: str, now: datetime, after: str | None) -> None:
        self._sink, self._runs, self._by, self._now, self._after = sink, runs, by, now, after
        self._campaign = {"name": name, "uid": runs.campaign_uid}
        self._time = now.timestamp()
        self._clock_s = 0.0
        self._n_runs = 0

    def emit(self) -> None:
        """All runs, in order."""
        source = self._runs.source
        about: dict[str, Any] = {
            "import": {
                "by": self._by,
                "file": asdict(source),
                "files": [asdict(file) for file in self._runs.files],
                "detector": asdict(self._runs.detector),
                "ignored_columns": list(self._runs.ignored_columns),
            },
            "instrument": {"name": "by hand", "kind": "manual"},
            "start_time": self._now.isoformat(timespec="seconds"),
        }
        self._run("import", about | ({"after": self._after} if self._after else {}))
        for n_coupon, coupon in enumerate(self._runs.coupons, start=1):
            self._coupon(n_coupon, coupon)
        n_sites, n_coupons = len(self._runs.sites), len(self._runs.coupons)
        reason = f"{n_sites} sites imported from {source.name}"
        self._run("end", {"exit_status": "success", "reason": reason, "n_coupons": n_coupons})

    def _coupon(self, n_coupon: int, coupon: ManualCoupon) -> None:
        about = {"coupon": as_plain(coupon.coupon), "n_coupon": n_coupon, **_sites(coupon.sites)}
        self._run("writing", about, exposures=[e for site in coupon.sites for e in self._exposures(site)])
        if (heat := coupon.heat_treatment) is not None:
            extra: dict[str, Any] = {"heat_treatment": as_plain(heat)}
            if coupon.furnace is not None:
                extra["source"] = asdict(coupon.furnace.file)
            self._run("heat_treatment", about | extra, furnace=list(self._furnace(coupon)))
            if coupon.furnace is None:
                self._clock_s += sum(step.duration_s for step in heat.steps())
        for sites in _measured_together(coupon.sites):
            extra = {
                "measurement": as_plain(sites[0].measurement),
                "sources": {site.site.name: _sources(site) for site in sites},
            }
            self._run(
                "measurement", about | _sites(sites) | extra, config=self._config(sites[0]), **self._spectra(sites)
            )

    # ------------------------------------------------------------------------------------------------------- events
    def _exposures(self, site: ManualSite) -> Iterator[dict[str, Any]]:
        writing = site.recipe.writing
        duration_s = writing.length_mm / writing.speed_mm_s if isinstance(writing, Line) else writing.exposure_s
        for _pass in range(writing.n_passes):
            self._clock_s += duration_s
            yield {
                "clock_s": (self._clock_s, "s"),
                "site_name": (site.site.name, ""),
                "laser_pulse_energy_uJ": (writing.pulse_energy_uJ, "uJ"),
                "laser_repetition_rate_kHz": (writing.repetition_rate_kHz, "kHz"),
                "laser_power_at_sample_W": (
                    float("nan") if site.power_at_sample_W is None else site.power_at_sample_W,
                    "W",
                ),
            }

    def _furnace(self, coupon: ManualCoupon) -> Iterator[dict[str, Any]]:
        if coupon.furnace is None:
            return
        begin_s, samples = self._clock_s, coupon.furnace
        columns = (samples.time_s.tolist(), samples.temperature_C.tolist(), samples.setpoint_C.tolist())
        for time_s, temperature_C, setpoint_C in zip(*columns, strict=True):
            self._clock_s = begin_s + time_s
            yield {
                "clock_s": (self._clock_s, "s"),
                "furnace_temperature_C": (temperature_C, "degC"),
                "furnace_setpoint_C": (setpoint_C, "degC"),
            }

    def _spectra(self, sites: Sequence[ManualSite]) -> dict[str, list[dict[str, Any]]]:
        """Events of `spectra`, and of `dark` one for each integration time."""
        spectra, darks = [], {}
        for site in sites:
            measurement = site.measurement
            self._clock_s += measurement.integration_s * measurement.n_averages
            spectra.append(self._exposure(site, site.site.name, site.spectrum.counts))
            darks[measurement.integration_s] = site
        dark = [self._exposure(site, "", site.spectrum.dark_counts) for site in darks.values()]
        return {"spectra": spectra, "dark": dark}

    def _exposure(self, site: ManualSite, name: str, counts: Any) -> dict[str, Any]:
        n_full = np.count_nonzero(counts >= self._runs.detector.saturation_counts)
        return {
            "clock_s": (self._clock_s, "s"),
            "site_name": (name, ""),
            "spectrometer_counts": (np.asarray(counts, dtype=float), "counts"),
            "spectrometer_n_saturated": (float(n_full), "pixels"),
            "spectrometer_integration_s": (site.measurement.integration_s, "s"),
            "spectrometer_n_averages": (float(site.measurement.n_averages), "exposures"),
        }

    def _config(self, site: ManualSite) -> dict[str, Any]:
        detector = self._runs.detector
        return {
            "spectrometer_wavelength_nm": (site.spectrum.wavelength_nm, "nm"),
            "spectrometer_saturation_counts": (detector.saturation_counts, "counts"),
            "spectrometer_read_noise_counts": (detector.read_noise_counts, "counts"),
            "spectrometer_gain_counts_per_electron": (detector.gain_counts_per_electron, "counts/electron"),
        }

    # ---------------------------------------------------------------------------------------------------- documents
    def _tick(self) -> float:
        self._time += _STEP_S
        return self._time

    def _run(
        self,
        purpose: str,
        metadata: dict[str, Any],
        *,
        config: dict[str, Any] | None = None,
        **streams: list[dict[str, Any]],
    ) -> None:
        """One run; events are mappings of data key to (value, unit)."""
        self._n_runs += 1
        about = {
            "scan_id": self._n_runs,
            "purpose": purpose,
            "plan_name": "import",
            "plan_type": "import",  # no plan ran, but Bluesky's callbacks print it of any run
            "imported": True,
            "campaign": self._campaign,
            "versions": versions(),
            "clock_s": self._clock_s,
        }
        run = event_model.compose_run(metadata=about | metadata, time=self._tick())
        self._sink("start", run.start_doc)
        for name, events in streams.items():
            if not events:
                continue
            time = self._tick()
            settings = {
                "data": {key: value for key, (value, _) in (config or {}).items()},
                "timestamps": dict.fromkeys(config or {}, time),
                "data_keys": {key: _key(pair) for key, pair in (config or {}).items()},
            }
            stream = run.compose_descriptor(
                name=name,
                data_keys={key: _key(pair) for key, pair in events[0].items()},
                configuration={"spectrometer": settings} if config else {},
                time=time,
                validate=False,  # it takes no arrays in the configuration
            )
            self._sink("descriptor", stream.descriptor_doc)
            for event in events:
                time = self._tick()
                data = {key: value for key, (value, _) in event.items()}
                self._sink("event", stream.compose_event(data=data, timestamps=dict.fromkeys(data, time), time=time))
        self._sink("stop", run.compose_stop(time=self._tick()))


def record(sink: Sink, runs: ManualRuns, *, name: str, by: str, now: datetime, after: str | None = None) -> None:
    """Hand the documents of manual runs to a callback; see `Import`."""
    Import(sink, runs, name=name, by=by, now=now, after=after).emit()


def _sites(sites: Sequence[ManualSite]) -> dict[str, Any]:
    return {
        "sites": {site.site.name: as_plain(site.site) for site in sites},
        "recipes": {site.site.name: as_plain(site.recipe) for site in sites},
        "rows": {site.site.name: site.row for site in sites},
    }


def _sources(site: ManualSite) -> dict[str, Any]:
    spectrum = site.spectrum
    found: dict[str, Any] = {"spectrum": asdict(spectrum.file)}
    if spectrum.dark_file is not None:
        found["dark"] = asdict(spectrum.dark_file)
    if spectrum.is_subtracted:
        found["dark"] = "subtracted before the import: zero here"
    return found | ({"measured_on": site.measured_on} if site.measured_on else {})


def _measured_together(sites: Sequence[ManualSite]) -> list[list[ManualSite]]:
    """Groups with one wavelength axis and one dark for each integration time, as a measurement run has them."""
    groups: list[list[ManualSite]] = []
    for site in sites:
        group = next((g for g in groups if all(_agree(site, other) for other in g)), None)
        if group is None:
            groups.append([site])
        else:
            group.append(site)
    return groups


def _agree(one: ManualSite, other: ManualSite) -> bool:
    a, b = one.spectrum, other.spectrum
    has_same_dark = one.measurement.integration_s != other.measurement.integration_s or np.array_equal(
        a.dark_counts, b.dark_counts
    )
    return has_same_dark and np.array_equal(a.wavelength_nm, b.wavelength_nm)


def _key(pair: tuple[Any, str]) -> dict[str, Any]:
    """The data key of a value with its unit."""
    value, unit = pair
    if isinstance(value, str):
        return {"source": "import", "dtype": "string", "shape": [], "dtype_numpy": "<U32"}
    kind, dtype = ("array", "<f8") if np.ndim(value) else ("number", "<f8")
    return {"source": "import", "dtype": kind, "shape": list(np.shape(value)), "dtype_numpy": dtype, "units": unit}
