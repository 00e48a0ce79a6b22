"""Runs as the project's plans record them, made without an engine or devices: for the tests of the records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from event_model import compose_run

Document = tuple[str, dict[str, Any]]

N_PIXELS = 2048
WAVELENGTH_nm = np.linspace(400.0, 800.0, N_PIXELS)
GLASS = {"name": "Br50I50", "bromide": 50.0, "iodide": 50.0}
T0 = 1_767_650_400.0
"""2026-01-05 22:00 UTC: the evening."""


def coupon(number: int) -> dict[str, Any]:
    return {"serial": f"C{number:02d}", "glass": GLASS, "width_mm": 20.0, "height_mm": 20.0}


def sites(number: int, n_sites: int) -> dict[str, Any]:
    serial = coupon(number)["serial"]
    return {f"S{i:02d}": {"coupon": serial, "name": f"S{i:02d}", "x_mm": 1.0 + i, "y_mm": 2.0} for i in range(n_sites)}


def recipe(i: int) -> dict[str, Any]:
    writing = {"mode": "dot", "pulse_energy_uJ": 20.0 + i, "exposure_s": 1.0}
    heat_treatment = {"temperature_C": 430.0, "hold_s": 3600.0, "ramp_C_min": 10.0}
    return {"writing": writing, "heat_treatment": heat_treatment}


def spectrum_counts(i: int) -> np.ndarray:
    """A red band that differs from site to site, mean raw counts, (2048,)."""
    band = 1000.0 * (1 + i) * np.exp(-0.5 * ((WAVELENGTH_nm - 640.0 - i) / 15.0) ** 2)
    return (100.0 + band).astype(np.float64)


class Writer:
    """Documents of one run after another, their times one second apart."""

    def __init__(
        self, sink: Callable[[str, dict[str, Any]], object], campaign: str = "night-1", t0: float = T0
    ) -> None:
        self.sink = sink
        self.campaign = {"name": campaign, "uid": f"uid-of-{campaign}"}
        self.time = t0
        self.clock_s = 0.0
        self.n_runs = 0

    def tick(self) -> float:
        self.time += 1.0
        self.clock_s += 60.0
        return self.time

    def begin(self, purpose: str, number: int | None = None, **metadata: Any) -> _Open:
        self.n_runs += 1
        about: dict[str, Any] = {
            "scan_id": self.n_runs,
            "purpose": purpose,
            "campaign": self.campaign,
            "versions": {"vitrail": "0.1.0", "physics": "1"},
            "clock_s": self.clock_s,
            **metadata,
        }
        if number is not None:
            about |= {"coupon": coupon(number), "n_coupon": number}
        bundle = compose_run(metadata=about, time=self.tick())
        self.sink("start", bundle.start_doc)
        return _Open(self, bundle)

    def open_campaign(self) -> None:
        parameters = {"D_nm2_s": {"nominal": 1.0, "spread": 0.3, "prior": "lognormal", "unit": "nm2/s"}}
        about = {"name": "twin", "kind": "twin"}
        self.begin("campaign", campaign_file={"seed": 7}, physics_parameters=parameters, instrument=about, seed=7).end()

    def decide(self, number: int, n_sites: int = 3) -> None:
        suggested = [
            {
                "suggestion_id": f"{number}-{name}",
                "site": site,
                "writing": recipe(i)["writing"],
                "p_in_specification": 0.5,
                "reason": "explores",
            }
            for i, (name, site) in enumerate(sites(number, n_sites).items())
        ]
        suggestion = {
            "suggestion_id": f"sug-{number}",
            "coupon": coupon(number),
            "heat_treatment": recipe(0)["heat_treatment"],
            "sites": suggested,
            "reason": "explores",
        }
        self.begin("decision", suggestion=suggestion, ingested=[], state={"best": 0.1}, verdict="continue").end()

    def write(
        self,
        number: int,
        n_sites: int = 3,
        n_written: int | None = None,
        end: str | None = "success",
        *,
        n_passes: int = 1,
        n_last_passes: int = 0,
        has_intents: bool = True,
    ) -> _Open:
        """Write sites; after `n_written` of them the next one is begun, and has only its first passes confirmed."""
        names = sites(number, n_sites)
        recipes = {name: recipe(i) for i, name in enumerate(names)}
        for asked in recipes.values():
            asked["writing"]["n_passes"] = n_passes
        run = self.begin("writing", number, suggestion_id=f"sug-{number}", recipes=recipes, sites=names)
        keys = {
            "site_name": {"source": "plan", "dtype": "string", "shape": [], "dtype_numpy": "<U32"},
            "clock_s": number_key("s"),
            "laser_pulse_energy_uJ": number_key("uJ"),
            "laser_pulses_delivered": number_key("pulses"),
            "laser_power_at_sample_W": number_key("W"),
        }
        intents = run.stream("intents", keys) if has_intents else None
        exposures = run.stream("exposures", keys)
        for i, name in enumerate(names):
            energy = 20.0 + i
            data = {
                "site_name": name,
                "clock_s": self.clock_s,
                "laser_pulse_energy_uJ": energy,
                "laser_pulses_delivered": 1e4,
                "laser_power_at_sample_W": energy * 1e-2,
            }
            if intents is not None:
                intents(data)
            is_last = n_written is not None and i >= n_written
            for _pass in range(n_last_passes if is_last else n_passes):
                exposures(data)
            if is_last:
                break
        if end is not None:
            run.end(end)
        return run

    def anneal(self, number: int, end: str = "success") -> None:
        run = self.begin("heat_treatment", number, heat_treatment=recipe(0)["heat_treatment"])
        keys = {key: number_key("degC") for key in ("furnace_temperature_C", "furnace_setpoint_C")}
        stream = run.stream("furnace", {"clock_s": number_key("s"), **keys})
        for temperature in (25.0, 430.0, 25.0):
            stream(
                {
                    "clock_s": self.clock_s,
                    "furnace_temperature_C": temperature,
                    "furnace_setpoint_C": temperature,
                }
            )
        run.end(end)

    def measure(self, number: int, n_sites: int = 3, end: str | None = "success") -> _Open:
        measurement = {"integration_s": 0.2, "n_averages": 10}
        run = self.begin("measurement", number, measurement=measurement, sites=sites(number, n_sites))
        keys = {
            "site_name": {"source": "plan", "dtype": "string", "shape": [], "dtype_numpy": "<U32"},
            "clock_s": number_key("s"),
            "spectrometer_counts": {
                "source": "twin",
                "dtype": "array",
                "shape": [N_PIXELS],
                "dtype_numpy": "<f8",
                "units": "counts",
                "object_name": "spectrometer",
            },
            "spectrometer_integration_s": number_key("s"),
        }
        axis = {"source": "twin", "dtype": "array", "shape": [N_PIXELS], "dtype_numpy": "<f8", "units": "nm"}
        configuration = {
            "spectrometer": {
                "data": {"spectrometer_wavelength_nm": WAVELENGTH_nm, "spectrometer_gain": 1.5},
                "timestamps": {"spectrometer_wavelength_nm": self.time, "spectrometer_gain": self.time},
                "data_keys": {"spectrometer_wavelength_nm": axis, "spectrometer_gain": number_key("electrons/count")},
            }
        }
        shots = [(name, spectrum_counts(i)) for i, name in enumerate(sites(number, n_sites))]
        for stream_name, taken in (("spectra", shots), ("dark", [("", np.full(N_PIXELS, 100.0))])):
            stream = run.stream(stream_name, keys, configuration)
            for name, counts in taken:
                stream(
                    {
                        "site_name": name,
                        "clock_s": self.clock_s,
                        "spectrometer_counts": counts,
                        "spectrometer_integration_s": 0.2,
                    }
                )
        if end is not None:
            run.end(end)
        return run

    def coupon(self, number: int, n_sites: int = 3) -> None:
        self.decide(number, n_sites)
        self.write(number, n_sites)
        self.anneal(number)
        self.measure(number, n_sites)


class _Open:
    """A run that has begun."""

    def __init__(self, writer: Writer, bundle: Any) -> None:
        self.writer = writer
        self.bundle = bundle
        self.uid: str = bundle.start_doc["uid"]

    def stream(
        self, name: str, keys: dict[str, Any], configuration: dict[str, Any] | None = None
    ) -> Callable[[dict[str, Any]], None]:
        made = self.bundle.compose_descriptor(
            name=name, data_keys=keys, configuration=configuration or {}, time=self.writer.tick(), validate=False
        )
        self.writer.sink("descriptor", made.descriptor_doc)

        def event(data: dict[str, Any]) -> None:
            time = self.writer.tick()
            doc = made.compose_event(data=data, timestamps=dict.fromkeys(data, time), time=time, validate=False)
            self.writer.sink("event", doc)

        return event

    def end(self, exit_status: str = "success") -> None:
        stop = self.bundle.compose_stop(exit_status=exit_status, reason="", time=self.writer.tick())
        self.writer.sink("stop", stop)


def number_key(unit: str) -> dict[str, Any]:
    return {"source": "twin", "dtype": "number", "shape": [], "dtype_numpy": "<f8", "units": unit}


def night(sink: Callable[[str, dict[str, Any]], object], n_coupons: int = 2, n_sites: int = 3) -> Writer:
    """A campaign of so many coupons, into a callback."""
    writer = Writer(sink)
    writer.open_campaign()
    for number in range(1, n_coupons + 1):
        writer.coupon(number, n_sites)
    return writer


def documents(make: Callable[[Writer], object]) -> list[Document]:
    """What `make` records."""
    made: list[Document] = []
    make(Writer(lambda name, doc: made.append((name, dict(doc)))))
    return made


def by_run(docs: Iterable[Document]) -> Iterator[list[Document]]:
    """Documents of one run at a time, where runs do not overlap."""
    run: list[Document] = []
    for name, doc in docs:
        run.append((name, doc))
        if name == "stop":
            yield run
            run = []
