"""Makes nights of documents alone: no engine, no devices, no twin; every number is chosen by who calls it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import event_model
import numpy as np
from numpy.typing import NDArray

from beamline.analysis import band, energy_eV, jacobian_nm_per_eV
from beamline.campaign import Campaign
from beamline.campaign.observations import coupon_observations
from beamline.optimize import BestSite, OptimizerStatus, ParameterBelief, TraceEntry
from beamline.optimize.decide import Decided, words_of
from beamline.recipe import (
    Dot,
    HeatTreatment,
    Line,
    Luminescence,
    Observation,
    Prediction,
    SiteSuggestion,
    Suggestion,
    as_plain,
)
from beamline.records import LogWriter, Records

AXIS_nm = np.linspace(430.0, 830.0, 1024)
HEAT = HeatTreatment(temperature_C=500.0, hold_s=3600.0, ramp_C_min=10.0)
UID = "11111111-2222-4333-8444-555555555555"

Bands = tuple[tuple[float, float], ...] | None
"""(peak in nm, counts/s) of each band of a site; () is dark, None a detector that is full."""


def campaign(mode: str = "line", optimizer: str = "physics", **stop: Any) -> Campaign:
    return Campaign.model_validate_json(
        Campaign.model_validate(
            {
                "name": "made-up",
                "optimizer": {"kind": optimizer},
                "space": {"mode": mode},
                "sites": {"per_coupon": 4},
                "stop": stop,
                "glass": ({"name": "BrI", "bromide": 1.5, "iodide": 1.5},),
                "coupon": tuple({"serial": f"C{i}", "glass": "BrI"} for i in range(1, 4)),
            }
        ).model_dump_json()
    )


class NightMaker:
    """Writes the documents of a night into a record folder, a step at a time, in simulated time."""

    def __init__(self, folder: Path, plan: Campaign) -> None:
        self.folder, self.campaign = folder, plan
        self.writer = LogWriter(folder, sync="never")
        self.rng = np.random.default_rng(7)
        self.clock_s = 100.0  # the bench's clock does not begin with the night
        self.n_runs = 0
        self.wall_s = 1.8e9
        self.trace: list[TraceEntry] = []
        self.observations: list[Observation] = []
        self.n_coupon = 0

    # ------------------------------------------------------------------------------------------------- documents
    def run(
        self,
        purpose: str,
        streams: dict[str, list[dict[str, Any]]],
        *,
        exit_status: str = "success",
        why: str = "",
        config: dict[str, Any] | None = None,
        **metadata: Any,
    ) -> None:
        self.n_runs += 1
        self.wall_s += 10.0
        bundle = event_model.compose_run(
            uid=f"{self.n_runs:08d}-0000-4000-8000-000000000000",
            time=self.wall_s,
            metadata={
                "purpose": purpose,
                "campaign": {"name": self.campaign.name, "uid": UID},
                "versions": {"vitrail": "1.2.3"},
                "clock_s": metadata.pop("clock_s", self.clock_s),
                **metadata,
            },
        )
        self.writer("start", bundle.start_doc)
        for name, events in streams.items():
            keys = {k: _key(v) for k, v in events[0].items()}
            descriptor = bundle.compose_descriptor(
                name=name,
                data_keys=keys,
                configuration={
                    "spectrometer": {
                        "data": config or {},
                        "data_keys": {k: _key(v) for k, v in (config or {}).items()},
                        "timestamps": dict.fromkeys(config or {}, 0.0),
                    }
                },
            )
            self.writer("descriptor", descriptor.descriptor_doc)
            for data in events:
                self.writer("event", descriptor.compose_event(data=data, timestamps=dict.fromkeys(data, 0.0)))
        self.writer("stop", bundle.compose_stop(exit_status=exit_status, reason=why))

    # ------------------------------------------------------------------------------------------------------- steps
    def begin(self) -> None:
        self.run(
            "campaign",
            {},
            campaign_file=as_plain(self.campaign),
            physics_parameters={"nose_K": {"nominal": 960.0, "spread": 0.03, "prior": "lognormal", "unit": "K"}},
            instrument={"name": "paper-bench", "kind": "twin"},
            seed=5,
            start_time="2026-01-05T21:30:00+01:00",
            expected_s=20000.0,
        )

    def suggestion(self, serial: str, *, with_predictions: bool = True) -> Suggestion:
        coupon = next(c for c in self.campaign.coupons if c.serial == serial)
        predicted = (
            Prediction(observable="red_peak_nm", unit="nm", mean=630.0, sd=4.0),
            Prediction(observable="ln_green_red_ratio", unit="1", mean=0.1, sd=0.4),
            Prediction(observable="ln_red_rate", unit="ln(counts/s)", mean=12.0, sd=1.5),
        )
        return Suggestion(
            suggestion_id=f"s-{serial}",
            coupon=coupon,
            heat_treatment=HEAT,
            sites=tuple(
                SiteSuggestion(
                    suggestion_id=f"s-{serial}.{site.name}",
                    site=site,
                    writing=self.writing(i),
                    predictions=predicted if with_predictions else (),
                    p_in_specification=0.4,
                    reason="because",
                )
                for i, site in enumerate(self.campaign.layout(coupon))
            ),
            reason="to see <b>it</b>",
        )

    def writing(self, i: int) -> Line | Dot:
        energy_uJ = 100.0 + 20.0 * i
        if self.campaign.space.mode == "dot":
            return Dot(pulse_energy_uJ=energy_uJ, exposure_s=1.0 + i)
        return Line(pulse_energy_uJ=energy_uJ, speed_mm_s=0.2 + 0.1 * i)

    def decide(
        self,
        suggestion: Suggestion | None,
        fresh: Sequence[Observation],
        reason: str = "go on",
        human: Sequence[Decided] = (),
    ) -> None:
        self.n_coupon += suggestion is not None
        metadata: dict[str, Any] = {"human": words_of(human)} if human else {}
        if suggestion:
            metadata |= {
                "coupon": as_plain(suggestion.coupon),
                "suggestion": as_plain(suggestion),
                "planned": {"load": 60.0, "write": 50.0, "ramp_up": 3000.0, "hold": 3600.0, "cool": 3000.0},
            }
        self.run(
            "decision",
            {},
            n_coupon=self.n_coupon,
            ingested=[as_plain(o) for o in fresh],
            state=as_plain(self.status(fresh)),
            verdict="continue" if suggestion else "stop",
            reason=reason,
            **metadata,
        )
        self.clock_s += 10.0

    def status(self, fresh: Sequence[Observation]) -> OptimizerStatus:
        self.observations += fresh
        lit = [o for o in self.observations if isinstance(o.outcome, Luminescence) and o.outcome.band("red")]
        best = None
        if lit:
            winner = min(lit, key=lambda o: abs(o.outcome.band("red").peak_nm - 630.0))  # type: ignore[union-attr]
            outcome = (Prediction(observable="red_peak_nm", unit="nm", mean=630.2, sd=0.5),)
            best = BestSite(observation=winner, heat_treatment=HEAT, outcome=outcome, p_in_specification=0.97)
        if fresh:
            self.trace.append(
                TraceEntry(
                    coupon=fresh[0].site.coupon,
                    n_observations=len(self.observations),
                    best_site=best.observation.site.name if best else None,
                    best_coupon=best.observation.site.coupon if best else None,
                    p_reached=0.97 if best else 0.0,
                    utility=1.0,
                )
            )
        is_physics = self.campaign.optimizer.kind == "physics"
        return OptimizerStatus(
            kind=self.campaign.optimizer.kind,
            n_observations=len(self.observations),
            n_failed=0,
            n_coupons=len(self.trace),
            p_reached=0.97 if best else 0.0,
            best=best,
            fresh_coupon=(Prediction(observable="red_peak_nm", unit="nm", mean=630.4, sd=2.1),) if best else (),
            p_fresh_coupon=0.8 if best else None,
            parameters=(
                ParameterBelief(
                    name="nose_K", symbol="T_nose", unit="K", prior_value=960.0, posterior_value=950.0, z=-0.4, z_sd=0.3
                ),
                ParameterBelief(
                    name="other", symbol="o", unit="1", prior_value=1.0, posterior_value=1.0, z=0.0, z_sd=0.9
                ),
            )
            if is_physics
            else (),
            trace=tuple(self.trace),
        )

    def about(self, suggestion: Suggestion) -> dict[str, Any]:
        return {
            "coupon": as_plain(suggestion.coupon),
            "n_coupon": self.n_coupon,
            "suggestion_id": suggestion.suggestion_id,
            "sites": {s.site.name: as_plain(s.site) for s in suggestion.sites},
            "recipes": {name: as_plain(recipe) for name, recipe in suggestion.recipes().items()},
        }

    def write(self, suggestion: Suggestion, n_sites: int = 4, **ending: Any) -> None:
        self.clock_s += 30.0
        begin_s = self.clock_s
        events = []
        for one in suggestion.sites[:n_sites]:
            self.clock_s += 5.0
            events.append(
                {
                    "clock_s": self.clock_s,
                    "site_name": one.site.name,
                    "laser_pulse_energy_uJ": one.writing.pulse_energy_uJ,
                    "laser_power_at_sample_W": one.writing.pulse_energy_uJ * 2.5e-3,
                }
            )
        self.run("writing", {"exposures": events}, clock_s=begin_s, **self.about(suggestion), **ending)

    def heat(self, suggestion: Suggestion) -> None:
        self.clock_s += 60.0
        begin_s = self.clock_s
        times = np.arange(0.0, 9901.0, 60.0)
        setpoint = np.interp(times, [0, 2850, 6450, 9300, 9900], [25, 500, 500, 25, 25])
        self.clock_s = begin_s + float(times[-1])
        events = [
            {"clock_s": begin_s + t, "furnace_temperature_C": c + 0.3, "furnace_setpoint_C": c}
            for t, c in zip(times.tolist(), setpoint.tolist(), strict=True)
        ]
        self.run(
            "heat_treatment",
            {"furnace": events},
            clock_s=begin_s,
            heat_treatment=as_plain(HEAT),
            **self.about(suggestion),
        )

    def measure(self, suggestion: Suggestion, light: dict[str, Bands], *, has_dark: bool = True) -> None:
        self.clock_s += 60.0
        begin_s = self.clock_s
        spectra = [self.spectrum(name, bands) for name, bands in light.items()]
        streams = {"spectra": spectra}
        if has_dark:
            streams["dark"] = [self.spectrum("", ())]
        self.run(
            "measurement",
            streams,
            clock_s=begin_s,
            config={
                "spectrometer_wavelength_nm": AXIS_nm,
                "spectrometer_saturation_counts": 65535.0,
                "spectrometer_read_noise_counts": 10.0,
                "spectrometer_gain_counts_per_electron": 0.3,
            },
            **self.about(suggestion),
        )

    def spectrum(self, name: str, bands: Bands) -> dict[str, Any]:
        self.clock_s += 3.0
        rate = np.zeros(len(AXIS_nm))
        for peak_nm, counts_s in bands or ():
            density = band(energy_eV(AXIS_nm), counts_s, float(energy_eV(peak_nm)), 0.09, log_asymmetry=0.14)
            rate += density / jacobian_nm_per_eV(AXIS_nm) * np.gradient(AXIS_nm)
        mean: NDArray[np.float64] = 1000.0 + 0.2 * rate + self.rng.normal(0.0, 5.0, len(AXIS_nm))
        if bands is None:
            mean[400:460] = 65535.0
        return {
            "clock_s": self.clock_s,
            "site_name": name,
            "spectrometer_counts": mean,
            "spectrometer_integration_s": 0.2,
            "spectrometer_n_averages": 10.0,
        }

    def coupon(
        self,
        serial: str,
        light: dict[str, Bands],
        fresh: Sequence[Observation] = (),
        *,
        has_dark: bool = True,
        **about: Any,
    ) -> Suggestion:
        """A coupon from its decision to its spectra; `about` is that of its suggestion."""
        suggestion = self.suggestion(serial, **about)
        self.decide(suggestion, fresh)
        self.write(suggestion)
        self.heat(suggestion)
        self.measure(suggestion, light, has_dark=has_dark)
        return suggestion

    def observed(self, suggestion: Suggestion) -> tuple[Observation, ...]:
        return coupon_observations(Records(self.folder), UID, suggestion.coupon.serial)


def _key(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"source": "made up", "dtype": "string", "shape": []}
    kind = "array" if isinstance(value, np.ndarray) else "number"
    return {"source": "made up", "dtype": kind, "shape": list(np.shape(value))}
