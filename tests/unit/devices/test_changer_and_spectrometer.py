"""Changer and spectrometer: who is where, what is refused, lamp and acquisitions."""

from __future__ import annotations

import bluesky.plan_stubs as bps
import pytest
from bluesky import RunEngine
from bluesky.utils import MsgGenerator
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from devices import Bench, CommunicationError, DiscreteEventClock, DriftError, RefusedError, make_bench
from devices.twin import build_twin

from .conftest import COUPONS


def test_a_coupon_travels(RE: RunEngine, bench: Bench, clock: DiscreteEventClock) -> None:
    changer = bench.changer
    RE(bps.mv(changer.at_stage, "A"))
    assert (changer.at_stage.get(), changer.in_furnace.get()) == ("A", "")
    RE(bps.mv(changer.in_furnace, "A"))
    assert (changer.at_stage.get(), changer.in_furnace.get()) == ("", "A")
    RE(bps.mv(changer.at_stage, "B"))
    RE(bps.mv(changer.in_furnace, ""))
    RE(bps.mv(changer.at_stage, ""))
    assert (changer.at_stage.get(), changer.in_furnace.get()) == ("", "")
    assert clock.now_s == 40 + 60 + 40 + 60 + 40


def test_where_it_is_already_costs_nothing(RE: RunEngine, bench: Bench, clock: DiscreteEventClock) -> None:
    RE(bps.mv(bench.changer.at_stage, "A"))
    before_s = clock.now_s
    RE(bps.mv(bench.changer.at_stage, "A", bench.changer.in_furnace, ""))
    assert clock.now_s == before_s


def test_two_coupons_in_one_place_are_refused(RE: RunEngine, bench: Bench) -> None:
    RE(bps.mv(bench.changer.at_stage, "A"))
    with pytest.raises(RefusedError, match="'B' cannot go to the stage: coupon 'A' is there"):
        RE(bps.mv(bench.changer.at_stage, "B"))
    assert bench.changer.at_stage.get() == "A"


def test_one_transfer_at_a_time_and_a_stop_puts_down(bench: Bench, clock: DiscreteEventClock) -> None:
    status = bench.changer.at_stage.set("A")
    clock.advance(10)
    with pytest.raises(RefusedError, match="carries coupon 'A'"):
        bench.changer.in_furnace.set("B")
    bench.changer.stop(success=True)
    assert status.done
    assert bench.changer.at_stage.get() == "A"


def test_a_hot_furnace_stays_shut(RE: RunEngine, bench: Bench) -> None:
    RE(bps.mv(bench.changer.in_furnace, "A"))
    RE(bps.mv(bench.furnace, 200.0))
    with pytest.raises(RefusedError, match=r"the furnace is at 20[012] degC, .* cool it to 60 degC"):
        RE(bps.mv(bench.changer.at_stage, "A"))
    RE(bps.mv(bench.furnace, bench.geometry.unload_C))
    RE(bps.mv(bench.changer.at_stage, "A"))
    assert bench.changer.at_stage.get() == "A"


def test_coupons_need_serials_of_their_own(clock: DiscreteEventClock) -> None:
    with pytest.raises(ValueError, match="serial of its own"):
        build_twin(1, [COUPONS[0], COUPONS[0]], clock)


class Carrying(RuleBasedStateMachine):
    """Whatever is asked, refused, stopped or waited for: a place holds one coupon, and a refusal changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = DiscreteEventClock()
        self.changer = make_bench(build_twin(1, COUPONS, self.clock), self.clock).changer
        self.places = {"stage": self.changer.at_stage, "furnace": self.changer.in_furnace}

    @rule(place=st.sampled_from(["stage", "furnace"]), serial=st.sampled_from(["", "A", "B"]))
    def ask(self, place: str, serial: str) -> None:
        before = self.where()
        try:
            status = self.places[place].set(serial)
        except RefusedError:
            assert self.where() == before
            assert self.changer.driver.is_busy or before[place] not in {"", serial}
        else:
            self.clock.advance(0 if status.done else 30)

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def stop(self) -> None:
        self.changer.stop(success=True)
        assert not self.changer.is_in_flight

    @invariant()
    def one_coupon_a_place(self) -> None:
        stations = [self.changer.driver.station_of(serial) for serial in ("A", "B")]
        assert "rack" in stations or stations[0] != stations[1]

    def where(self) -> dict[str, str]:
        return {name: place.get() for name, place in self.places.items()}


TestCarrying = Carrying.TestCase
TestCarrying.settings = settings(max_examples=20, stateful_step_count=15, deadline=None)


def test_an_acquisition_takes_its_time(RE: RunEngine, bench: Bench, clock: DiscreteEventClock) -> None:
    spectrometer = bench.spectrometer
    assert not spectrometer.counts.get().any()
    RE(bps.mv(spectrometer.integration_s, 0.5, spectrometer.n_averages, 4, spectrometer.lamp, "on"))
    assert clock.now_s == 1.0  # the lamp warms up
    RE(bps.trigger(spectrometer, wait=True))
    assert clock.now_s == pytest.approx(1.0 + 4 * 0.505)
    assert spectrometer.counts.get().mean() == pytest.approx(980 + 50, abs=5)
    assert spectrometer.n_saturated.get() == 0.0


def test_counts_that_were_read_do_not_change(RE: RunEngine, bench: Bench) -> None:
    RE(bps.trigger(bench.spectrometer, wait=True))
    first = bench.spectrometer.counts.get()
    kept = first.copy()
    RE(bps.trigger(bench.spectrometer, wait=True))
    assert (first == kept).all()
    assert (bench.spectrometer.counts.get() != kept).any()


def test_a_warming_lamp_refuses_and_an_abandoned_acquisition_is_given_up(
    bench: Bench, clock: DiscreteEventClock
) -> None:
    bench.spectrometer.lamp.set("on")
    with pytest.raises(RefusedError, match="warms up"):
        bench.spectrometer.trigger()
    clock.advance(1)
    first = bench.spectrometer.trigger()
    second = bench.spectrometer.trigger()
    assert first.done
    assert not first.success
    clock.advance(10)
    assert second.success


def test_unstaging_switches_the_lamp_off(bench: Bench, clock: DiscreteEventClock) -> None:
    bench.spectrometer.stage()
    bench.spectrometer.lamp.set("on")
    clock.advance(1)
    bench.spectrometer.unstage()
    assert bench.spectrometer.lamp.get() == "off"


def test_what_lies_there_already_is_watched_too(RE: RunEngine, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    RE(bps.mv(bench.changer.at_stage, "A"))
    assert bench.changer.put == {}  # the engine's stop at a plan's end: from there on hands may move it

    def plan() -> MsgGenerator:
        yield from bps.mv(bench.changer.at_stage, "A")
        bench.changer.check_stands()
        monkeypatch.setattr(bench.changer.driver, "station_of", lambda _serial: "rack")
        with pytest.raises(DriftError, match="coupon 'A' was put at the stage and reads at the rack now; look where"):
            bench.changer.check_stands()

    RE(plan())


@pytest.mark.parametrize("station", ["stage", "furnace"])
def test_two_coupons_that_read_in_one_place_are_believed_in_none(
    RE: RunEngine, bench: Bench, monkeypatch: pytest.MonkeyPatch, station: str
) -> None:
    """A night wrote onto the bare stage: both sensors read "stage", and the coupon seemed to lie there already."""
    monkeypatch.setattr(bench.changer.driver, "station_of", lambda _serial: station)
    place = bench.changer.at_stage if station == "stage" else bench.changer.in_furnace
    words = f"coupons 'A', 'B' all read at the {station}, which holds one; look where the coupons are"
    with pytest.raises(CommunicationError, match=words):
        place.get()
    with pytest.raises(CommunicationError, match=words):
        bench.changer.check_stands()
    with pytest.raises(CommunicationError, match=words):
        RE(bps.mv(place, "A"))


def test_the_rack_holds_many(bench: Bench) -> None:
    bench.changer.check_stands()
    assert (bench.changer.at_stage.get(), bench.changer.in_furnace.get()) == ("", "")
