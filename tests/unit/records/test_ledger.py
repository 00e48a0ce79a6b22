from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from beamline.recipe import Dot, HeatTreatment
from beamline.records import Ledger, LogWriter, RecordError, Records, SiteState


def states(ledger: Ledger, coupon: str = "C01") -> list[str]:
    return [str(site.state) for site in ledger.sites(coupon)]


def test_a_site_goes_from_blank_to_measured(synthetic: ModuleType) -> None:
    ledger = Ledger()
    writer = synthetic.Writer(ledger)
    assert ledger.site("C01", "S00").state is SiteState.BLANK
    writer.open_campaign()
    writer.decide(1)
    assert states(ledger) == ["intended"] * 3
    assert ledger.may_write("C01", "S00")
    writer.write(1)
    assert states(ledger) == ["written"] * 3
    assert not ledger.may_write("C01", "S00")
    writer.anneal(1)
    assert states(ledger) == ["annealed"] * 3
    writer.measure(1)
    assert states(ledger) == ["measured"] * 3
    coupon = ledger.coupon("C01")
    assert coupon.heat_treatments == (HeatTreatment(temperature_C=430.0, hold_s=3600.0, ramp_C_min=10.0),)
    assert coupon.glass is not None
    assert coupon.glass.iodide_fraction == 0.5
    assert coupon.n_coupon == 1
    site = ledger.site("C01", "S02")
    assert site.recipe is not None
    assert site.recipe.writing == Dot(pulse_energy_uJ=22.0, exposure_s=1.0)
    assert (site.n_exposures, site.n_spectra, len(site.runs)) == (1, 1, 4)
    assert site.suggestion_id == "sug-1"
    writer.anneal(1)
    assert states(ledger) == ["annealed"] * 3


@pytest.mark.parametrize("end", ["abort", "fail", "success"])
@pytest.mark.parametrize("has_intents", [True, False])
def test_an_exposure_that_is_not_confirmed_makes_a_site_suspect(
    synthetic: ModuleType,
    end: str,
    has_intents: bool,  # noqa: FBT001  # a parameter of pytest's
) -> None:
    ledger = Ledger()
    writer = synthetic.Writer(ledger)
    run = writer.write(1, n_written=1, end=None, has_intents=has_intents)
    assert states(ledger) == ["written", "intended", "intended"]
    run.end(end)
    last = "intended" if has_intents else "suspect"  # without intents nobody knows that it was not begun
    assert states(ledger) == ["written", "suspect", last]
    assert run.uid in ledger.site("C01", "S01").reason
    assert not ledger.may_write("C01", "S01")
    assert ledger.may_write("C01", "S02") == has_intents
    writer.anneal(1)
    writer.measure(1)
    assert states(ledger) == ["measured", "suspect", last]
    assert ledger.site("C01", "S01").n_spectra == 1


def test_a_run_that_ended_before_any_intent_leaves_all_suspect(synthetic: ModuleType) -> None:
    ledger = Ledger()
    about = {"recipes": {name: synthetic.recipe(0) for name in synthetic.sites(1, 2)}, "sites": synthetic.sites(1, 2)}
    synthetic.Writer(ledger).begin("writing", 1, **about).end("abort")
    assert states(ledger) == ["suspect"] * 2


def test_a_site_is_written_when_all_its_passes_are(synthetic: ModuleType) -> None:
    ledger = Ledger()
    writer = synthetic.Writer(ledger)
    writer.write(1, n_sites=2, n_passes=3)
    assert states(ledger) == ["written"] * 2
    assert ledger.site("C01", "S00").n_exposures == 3
    writer.write(2, n_sites=3, n_passes=3, n_written=1, n_last_passes=2, end="abort")
    assert states(ledger, "C02") == ["written", "suspect", "intended"]
    assert ledger.site("C02", "S01").n_exposures == 2
    writer.write(3, n_sites=1, n_passes=2, n_written=0, n_last_passes=3)
    assert states(ledger, "C03") == ["suspect"]
    assert "asked for 2" in ledger.site("C03", "S00").reason


def test_a_second_writing_makes_a_site_suspect(synthetic: ModuleType) -> None:
    ledger = Ledger()
    writer = synthetic.Writer(ledger)
    writer.write(1)
    writer.write(1, n_sites=1)
    assert states(ledger) == ["suspect", "written", "written"]
    assert "again" in ledger.site("C01", "S00").reason


def test_a_heat_treatment_that_did_not_end_well_makes_its_sites_suspect(synthetic: ModuleType) -> None:
    ledger = Ledger()
    writer = synthetic.Writer(ledger)
    writer.decide(1, 4)
    writer.write(1, n_sites=3)
    writer.write(2)
    writer.anneal(1, end="abort")
    assert states(ledger) == ["suspect"] * 3 + ["intended"]
    assert states(ledger, "C02") == ["written"] * 3
    assert ledger.coupon("C01").heat_treatments == ()


def test_a_spectrum_of_a_blank_place_makes_nothing_of_it(synthetic: ModuleType) -> None:
    ledger = Ledger()
    synthetic.Writer(ledger).measure(1)
    assert states(ledger) == ["blank"] * 3
    assert ledger.may_write("C01", "S00")


def test_the_ledger_of_a_log_knows_that_a_dead_run_has_ended(tmp_path: Path, synthetic: ModuleType) -> None:
    with LogWriter(tmp_path) as log:
        writer = synthetic.night(log, n_coupons=1)
        writer.write(2, n_written=1, end=None)
        running = Ledger.of(Records(tmp_path).runs())
        assert states(running, "C02") == ["written", "intended", "intended"]
    dead = Ledger.of(Records(tmp_path).runs())
    assert states(dead, "C02") == ["written", "suspect", "intended"]
    Records(tmp_path).close_orphans()
    closed = Ledger.of(Records(tmp_path).runs())
    assert closed.coupons() == dead.coupons()
    assert [coupon.serial for coupon in closed.coupons()] == ["C01", "C02"]
    assert len(closed.sites(state=SiteState.SUSPECT)) == 1


def test_documents_of_others_are_passed_over(synthetic: ModuleType) -> None:
    ledger = Ledger()
    run = synthetic.Writer(ledger).begin("alignment", 1)
    run.stream("exposures", {"site_name": {"source": "", "dtype": "string", "shape": []}})({"site_name": "S00"})
    run.end()
    ledger("event", {"descriptor": "unknown", "data": {"site_name": "S00"}, "uid": "e"})
    ledger("resource", {"uid": "r"})
    assert ledger.coupons() == ()


def test_a_document_of_ours_that_does_not_fit_is_named(synthetic: ModuleType) -> None:
    start = synthetic.documents(lambda writer: writer.write(1))[0][1]
    for broken in ({**start, "sites": {"S00": {"name": "S00"}}}, {k: v for k, v in start.items() if k != "coupon"}):
        with pytest.raises(RecordError, match=start["uid"]):
            Ledger()("start", broken)


class Bench(RuleBasedStateMachine):
    """Whatever is done in whatever order: exposures are counted, and nothing exposed may be written again."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.documents: list[Any] = []
        self.writer = sys.modules["records_synthetic"].Writer(self.sink)
        self.exposures: Counter[tuple[str, str]] = Counter()
        self.endangered: set[tuple[str, str]] = set()

    def sink(self, name: str, doc: Any) -> None:
        self.documents.append((name, doc))
        self.ledger(name, doc)

    @rule(number=st.integers(1, 2), n_sites=st.integers(1, 3))
    def decide(self, number: int, n_sites: int) -> None:
        self.writer.decide(number, n_sites)

    @rule(number=st.integers(1, 2), n_sites=st.integers(1, 3), n_written=st.integers(0, 3))
    def write(self, number: int, n_sites: int, n_written: int) -> None:
        self.writer.write(number, n_sites, n_written, "success" if n_written >= n_sites else "abort")
        for i in range(n_sites):
            site = (f"C{number:02d}", f"S{i:02d}")
            if i <= n_written:
                self.endangered.add(site)
            if i < n_written:
                self.exposures[site] += 1

    @rule(number=st.integers(1, 2), end=st.sampled_from(["success", "fail"]))
    def anneal(self, number: int, end: str) -> None:
        self.writer.anneal(number, end)

    @rule(number=st.integers(1, 2))
    def measure(self, number: int) -> None:
        self.writer.measure(number)

    @invariant()
    def what_may_have_been_exposed_is_never_offered(self) -> None:
        for number in (1, 2):
            for i in range(3):
                site = (f"C{number:02d}", f"S{i:02d}")
                record = self.ledger.site(*site)
                assert self.ledger.may_write(*site) == (site not in self.endangered)
                assert record.n_exposures == self.exposures[site]
                if self.exposures[site] > 1:
                    assert record.state is SiteState.SUSPECT

    @invariant()
    def replay_gives_the_same_ledger(self) -> None:
        again = Ledger()
        for name, doc in self.documents:
            again(name, doc)
        assert again.coupons() == self.ledger.coupons()


@pytest.mark.usefixtures("synthetic")
def test_any_sequence_of_steps() -> None:
    run_state_machine_as_test(Bench, settings=settings(stateful_step_count=8))
