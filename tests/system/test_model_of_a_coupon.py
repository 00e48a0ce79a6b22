"""A coupon's life in any order, beside a model of a few lines: plans, devices, documents, ledger and campaign states agree.

A step writes, heats or measures through the real plans on the simulated bench, breaks off at a random document, restarts the
session, or sends the campaign an event. After each the drivers are safe, the ledger that is made from the records says what
the model says, and the laser has been open at no place twice.
"""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import bluesky.preprocessors as bpp
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from beamline.campaign import state as states
from beamline.campaign.layout import layout
from beamline.campaign.state import ALLOWED, Planned, TransitionError, next_state
from beamline.instrument import Instrument
from beamline.recipe import Coupon, Dot, Glass, HeatTreatment, Measurement, Recipe
from beamline.records import Ledger, SiteState
from beamline.safety import safe_state_plan
from beamline.session import open_session
from plans import CouponInHand, NightLabel, empty_stage, heat_treat_coupon, load_on_stage, measure_coupon, write_coupon

COUPON = Coupon(serial="C1", glass=Glass(name="BrI", bromide=1.5, iodide=1.5))
TREATMENT = HeatTreatment(temperature_C=200.0, hold_s=300.0, ramp_C_min=20.0)
MEASUREMENT = Measurement(integration_s=0.1, n_averages=2)
SITES = {site.name: site for site in layout(COUPON, 6, spacing_mm=2.0, margin_mm=2.0, line_length_mm=0.0)}
EXPOSED = {SiteState.WRITTEN, SiteState.ANNEALED, SiteState.MEASURED}
EVENTS = (
    states.Start,
    states.Pause,
    states.Wait,
    states.Recover,
    states.Resume,
    states.Stop,
    states.Finish,
    states.Fail,
)


class BreakError(Exception):
    """What ends a plan at a document."""


class Bench(RuleBasedStateMachine):
    """The coupon, the bench, and the model of both."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="model-")
        self.model = dict.fromkeys(SITES, SiteState.BLANK)
        self.opened: Counter[tuple[float, float]] = Counter()
        self.campaign: Any = Planned()
        self.clock_s = 0.0
        self.open()

    def open(self) -> None:
        self.session = open_session(
            Instrument(), coupons=[COUPON], data=Path(self.folder.name), seed=1, unattended=False, catalog=False
        )
        self.session.RE.subscribe(self.on_document)
        self.streams: dict[str, str] = {}
        self.seen: list[tuple[str, str]] = []
        self.break_at = 0
        laser, stage = self.session.bench.laser.driver, self.session.bench.stage.driver
        open_output = laser.open_output

        def witnessed() -> None:
            open_output()
            self.opened[round(stage.position_mm("x"), 3), round(stage.position_mm("y"), 3)] += 1

        laser.open_output = witnessed

    def on_document(self, name: str, doc: dict[str, Any]) -> None:
        if name == "descriptor":
            self.streams[doc["uid"]] = doc["name"]
        site = doc["data"].get("site_name", "") if name == "event" else ""
        self.seen.append((self.streams[doc["descriptor"]] if name == "event" else name, site))
        if len(self.seen) == self.break_at:
            raise BreakError

    def carry_out(self, plan: Any, break_at: int) -> bool:
        """Whether the plan came to its end; `seen` holds what was recorded of it."""
        self.seen, self.break_at = [], break_at
        try:
            self.session.RE(bpp.finalize_wrapper(plan, lambda: safe_state_plan(self.session.bench)))
        except BreakError:
            return False
        finally:
            self.break_at = 0
        return True

    def hand(self, names: tuple[str, ...]) -> CouponInHand:
        recipe = Recipe(writing=Dot(pulse_energy_uJ=150.0, exposure_s=1.0), heat_treatment=TREATMENT)
        return CouponInHand(
            label=NightLabel("model", "00000000-0000-4000-8000-000000000000", {}),
            coupon=COUPON,
            n_coupon=1,
            suggestion_id="model",
            sites={name: SITES[name] for name in names},
            recipes=dict.fromkeys(names, recipe),
        )

    # -------------------------------------------------------------------------------------------------------- the steps
    @rule(
        names=st.sets(st.sampled_from(sorted(SITES)), min_size=1), break_at=st.sampled_from((0, 0, 0, 1, 2, 3, 4, 5, 7))
    )
    def write(self, names: set[str], break_at: int) -> None:
        ledger = Ledger.of(self.session.records.runs())
        may = tuple(sorted(name for name in names if ledger.may_write("C1", name)))
        assert set(may) == {n for n in names if self.model[n] in (SiteState.BLANK, SiteState.INTENDED)}
        if not may:
            return
        bench = self.session.bench

        def plan() -> Any:
            yield from load_on_stage(bench, "C1")
            yield from write_coupon(bench, self.hand(may))
            yield from empty_stage(bench)

        is_done = self.carry_out(plan(), break_at)
        intents = {site for stream, site in self.seen if stream == "intents"}
        exposed = {site for stream, site in self.seen if stream == "exposures"}
        assert is_done == (break_at == 0 or break_at > len(self.seen))
        for name in may:
            state = (
                SiteState.WRITTEN if name in exposed else SiteState.SUSPECT if name in intents else SiteState.INTENDED
            )
            self.model[name] = state

    @rule(break_at=st.sampled_from((0, 0, 1, 2, 4)))
    def heat(self, break_at: int) -> None:
        bench = self.session.bench

        def plan() -> Any:
            yield from heat_treat_coupon(bench, self.hand(tuple(SITES)), TREATMENT)
            yield from load_on_stage(bench, "C1")
            yield from empty_stage(bench)

        is_done = self.carry_out(plan(), break_at)
        if self.seen:
            after = SiteState.ANNEALED if is_done else SiteState.SUSPECT
            self.model = {name: after if state in EXPOSED else state for name, state in self.model.items()}
        if not is_done:
            self.restart()  # the coupon is in the furnace

    @rule(names=st.sets(st.sampled_from(sorted(SITES)), min_size=1), break_at=st.sampled_from((0, 0, 1, 3, 4)))
    def measure(self, names: set[str], break_at: int) -> None:
        bench = self.session.bench

        def plan() -> Any:
            yield from load_on_stage(bench, "C1")
            yield from measure_coupon(bench, self.hand(tuple(sorted(names))), MEASUREMENT)
            yield from empty_stage(bench)

        self.carry_out(plan(), break_at)
        for stream, site in self.seen:
            if stream == "spectra" and self.model[site] in EXPOSED:
                self.model[site] = SiteState.MEASURED

    @rule()
    def restart(self) -> None:
        self.session.close()
        self.opened.clear()  # the glass is another one: only the records remember
        self.open()

    @rule(kind=st.sampled_from(EVENTS), later_s=st.floats(-1.0, 100.0))
    def tell(self, kind: Any, later_s: float) -> None:
        at_s = max(self.clock_s + later_s, 0.0)
        words = {key: "why" for key in ("reason", "ends_when") if key in kind.model_fields}
        event = kind(at_s=at_s, **words)
        may = event.kind in ALLOWED[self.campaign.kind] and (self.campaign.kind == "planned" or at_s >= self.clock_s)
        if not may:
            with pytest.raises(TransitionError):
                next_state(self.campaign, event)
            return
        self.campaign, self.clock_s = next_state(self.campaign, event), at_s
        assert self.campaign.since_s == at_s

    # ------------------------------------------------------------------------------------------------- what always holds
    @invariant()
    def the_bench_is_safe(self) -> None:
        bench = self.session.bench
        assert not bench.laser.driver.is_output_open
        assert not bench.furnace.driver.is_on
        assert not bench.spectrometer.driver.is_lamp_on

    @invariant()
    def no_place_has_seen_the_laser_twice(self) -> None:
        assert set(self.opened.values()) <= {1}

    @invariant()
    def the_records_say_what_the_model_says(self) -> None:
        runs = self.session.records.runs()
        assert all(run.stop is not None and not run.damage for run in runs)
        ledger = Ledger.of(runs)
        assert {name: ledger.site("C1", name).state for name in SITES} == self.model

    def teardown(self) -> None:
        if hasattr(self, "session"):
            self.session.close()
            self.folder.cleanup()


def run(n_examples: int, n_steps: int) -> None:
    logging.getLogger("bluesky").setLevel(logging.CRITICAL)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]  # Hypothesis has no types for it
        Bench,
        settings=settings(
            max_examples=n_examples, stateful_step_count=n_steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_a_few_lives_of_a_coupon() -> None:
    run(3, 10)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_many_lives_of_a_coupon() -> None:
    run(400, 30)  # 12,000 steps
