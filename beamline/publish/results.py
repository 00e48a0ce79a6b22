"""What came of a campaign, site by site, gathered from its logs: what the exports write down."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beamline.campaign.history import first_run
from beamline.campaign.observations import coupon_observations, dark_for
from beamline.recipe import Coupon, HeatTreatment, Observation, Recipe, Site
from beamline.records import Ledger, Quantities, Records, Run, SiteState, axis_of

__all__ = ["Results", "SiteResult", "SiteSpectrum", "campaign_results", "site_spectra"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SiteSpectrum:
    """A spectrum of a site as it was recorded; arrays have shape (pixels,).

    Attributes:
        run: the measurement run.
        index: of the event in its stream `spectra`, from 0.
        time: wall time of the event, seconds since 1970.
        clock_s: the bench's clock.
        counts: mean raw counts, dark not subtracted.
        dark_counts: the dark with the same integration time; None where none was taken.
        config: the configuration of the devices, with units.
    """

    run: Run
    site_name: str
    index: int
    time: float
    clock_s: float
    wavelength_nm: Floats
    counts: Floats
    dark_counts: Floats | None
    integration_s: float
    n_averages: int
    config: Quantities


@dataclass(frozen=True, slots=True)
class SiteResult:
    """One site: what was asked, how far it came, what was seen.

    Attributes:
        recipe: None where the records have none.
        reason: why it is suspect; empty where it is not.
        observation: None where nothing was fired at it.
        is_as_decided: whether the observation is the one that the optimiser was given; else it was analysed for the export.
        spectrum: the last one that was taken.
    """

    coupon: Coupon
    n_coupon: int
    site: Site
    recipe: Recipe | None
    heat_treatment: HeatTreatment | None
    state: SiteState
    reason: str
    observation: Observation | None
    is_as_decided: bool
    spectrum: SiteSpectrum | None
    writing_run: str
    heat_treatment_run: str


@dataclass(frozen=True, slots=True)
class Results:
    """A campaign, from the first run to the last.

    Attributes:
        first: the run that it began with; its start document says what was planned, or from where it was imported.
        runs: all runs, in order.
        sites: in the order in which the coupons came.
    """

    name: str
    uid: str
    first: Run
    runs: tuple[Run, ...]
    sites: tuple[SiteResult, ...]

    def of_purpose(self, purpose: str) -> tuple[Run, ...]:
        """Runs of one purpose."""
        return tuple(run for run in self.runs if run.start["purpose"] == purpose)

    @property
    def is_imported(self) -> bool:
        """Whether these are manual runs that were brought in."""
        return bool(self.first.start.get("imported"))

    @property
    def is_simulated(self) -> bool:
        """Whether the instrument was the twin."""
        return bool(self.first.start.get("instrument", {}).get("kind") == "twin")


def campaign_results(records: Records, campaign_uid: str) -> Results:
    """All that came of a campaign.

    An outcome is the one that the optimiser was given, from its decision; where none followed it is analysed here.

    Raises:
        LookupError: the records know no such campaign.
    """
    first = first_run(records, campaign_uid)
    runs = tuple(records.runs(campaign=campaign_uid))
    decided = {
        (o.site.coupon, o.site.name): o
        for run in runs
        if run.start["purpose"] == "decision"
        for o in (Observation.from_json(json.dumps(plain)) for plain in run.start["ingested"])
    }
    ledger = Ledger.of(runs)
    serials = dict.fromkeys(str(run.start["coupon"]["serial"]) for run in runs if run.start["purpose"] == "writing")
    sites: list[SiteResult] = []
    for serial in serials:
        seen = {name: o for (coupon, name), o in decided.items() if coupon == serial}
        sites += _sites(records, serial, [run for run in runs if _is_on(run, serial)], ledger, seen)
    return Results(first.start["campaign"]["name"], campaign_uid, first, runs, tuple(sites))


def _is_on(run: Run, serial: str) -> bool:
    return bool(run.start.get("coupon", {}).get("serial") == serial)


def _sites(
    records: Records, serial: str, runs: Sequence[Run], ledger: Ledger, seen: dict[str, Observation]
) -> Iterator[SiteResult]:
    is_as_decided = bool(seen)
    if not seen:
        uid = runs[0].start["campaign"]["uid"]
        seen = {o.site.name: o for o in coupon_observations(records, uid, serial)}
    by_purpose = {run.start["purpose"]: run for run in runs}
    writing, heated = by_purpose["writing"], by_purpose.get("heat_treatment")
    spectra = {s.site_name: s for run in runs if run.start["purpose"] == "measurement" for s in site_spectra(run)}
    for record in ledger.coupon(serial).sites.values():
        if record.site is not None:
            yield SiteResult(
                coupon=Coupon.model_validate(writing.start["coupon"]),
                n_coupon=int(writing.start["n_coupon"]),
                site=record.site,
                recipe=record.recipe,
                heat_treatment=HeatTreatment.model_validate(heated.start["heat_treatment"]) if heated else None,
                state=record.state,
                reason=record.reason,
                observation=seen.get(record.name),
                is_as_decided=is_as_decided,
                spectrum=spectra.get(record.name),
                writing_run=writing.uid,
                heat_treatment_run=heated.uid if heated else "",
            )


def site_spectra(run: Run) -> Iterator[SiteSpectrum]:
    """The spectra of a measurement run, in order."""
    if "spectra" not in run.streams:
        return
    table, config = run.table("spectra"), run.config("spectra")
    darks = run.table("dark") if "dark" in run.streams else None
    for i, name in enumerate(table["site_name"].tolist()):
        integration_s = float(table["spectrometer_integration_s"][i])
        yield SiteSpectrum(
            run=run,
            site_name=name,
            index=i,
            time=float(table["time"][i]),
            clock_s=float(table["clock_s"][i]),
            wavelength_nm=axis_of(run),
            counts=np.asarray(table["spectrometer_counts"][i], dtype=float),
            dark_counts=dark_for(integration_s, darks),
            integration_s=integration_s,
            n_averages=int(table["spectrometer_n_averages"][i]),
            config=config,
        )
