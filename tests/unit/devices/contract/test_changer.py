"""What holds for every driver of a changer: the twin's, the one whose hands are an operator's, a carousel on two lines."""

from __future__ import annotations

from collections.abc import Iterator

import bluesky.plan_stubs as bps
import pytest

from beamline.recipe import Coupon, Glass
from devices import Changer, Clock, DeadlineError, DiscreteEventClock, RefusedError, StoppedError
from devices.drivers.manual_changer import ManualChanger, Request
from devices.twin import build_twin

from .conftest import Locked, Rig, carousel_rtu, carousel_tcp, on_wire

MIXED = Glass(name="BrI", bromide=1.5, iodide=1.5)
SERIALS = ("A", "B")


class Operator:
    """Does what is asked after 5 s, unless told otherwise."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.asked: list[Request | None] = []
        self.is_there = True
        self.changer: ManualChanger

    def __call__(self, request: Request | None) -> None:
        self.asked.append(request)
        if request is not None and self.is_there:
            self.clock.call_later(5.0, lambda: self.answer(request))

    def answer(self, request: Request) -> None:
        if self.changer.request == request:
            self.changer.confirm(request.number)


@pytest.fixture
def operator() -> Operator:
    return Operator(DiscreteEventClock())


def manual(operator: Operator) -> ManualChanger:
    furnace = build_twin(1, (), operator.clock).furnace
    operator.changer = ManualChanger(
        dict.fromkeys(SERIALS, "rack"), operator, operator.clock, timeout_s=600.0, furnace=furnace
    )
    operator.furnace = furnace
    return operator.changer


@pytest.fixture(params=["twin", "manual", "carousel_tcp", "carousel_rtu"])
def changer(request: pytest.FixtureRequest, operator: Operator) -> Iterator[Rig]:
    clock = operator.clock
    if request.param.startswith("carousel"):
        # A transfer of 40 s takes 0.2 s of the wall.
        with on_wire(200.0, {"carousel_tcp": carousel_tcp, "carousel_rtu": carousel_rtu}[request.param]) as rig:
            operator.furnace = Locked(rig.drivers.furnace, rig.lock)
            yield rig
        return
    if request.param == "twin":
        drivers = build_twin(1, [Coupon(serial=serial, glass=MIXED) for serial in SERIALS], clock)
        rig = Rig(drivers.changer, clock, clock.advance)
        operator.furnace = drivers.furnace
    else:
        rig = Rig(manual(operator), clock, clock.advance)
    yield rig


def test_a_coupon_is_carried(changer: Rig) -> None:
    driver = changer.driver
    assert driver.serials == SERIALS
    assert driver.start_transfer("A", "stage") > 0
    assert driver.is_busy
    assert driver.station_of("A") == "rack"
    changer.until(lambda: not driver.is_busy, 100.0)
    assert (driver.station_of("A"), driver.station_of("B")) == ("stage", "rack")
    driver.finish_transfer()  # also when nothing moves
    assert (driver.station_of("A"), driver.station_of("B")) == ("stage", "rack")
    with pytest.raises(KeyError):
        driver.station_of("Z")


def test_what_cannot_be_is_refused(changer: Rig) -> None:
    driver = changer.driver
    changer.refused(lambda: driver.start_transfer("Z", "stage"), "no coupon 'Z'.*A, B")
    driver.start_transfer("A", "stage")
    changer.refused(lambda: driver.start_transfer("B", "furnace"), "wait for")
    changer.until(lambda: not driver.is_busy, 100.0)
    changer.refused(lambda: driver.start_transfer("B", "stage"), "coupon 'A' is there; take it away first")


def test_a_hot_furnace_stays_shut(changer: Rig, operator: Operator) -> None:
    operator.furnace.start_ramp(200.0, 20.0)
    changer.until(lambda: operator.furnace.temperature_C > 200.0, 1200.0)
    with pytest.raises(RefusedError, match=r"furnace is at 20\d degC.*cool it to 60 degC first"):
        changer.driver.start_transfer("A", "furnace")


def test_its_device_runs_in_an_engine(changer: Rig) -> None:
    device = changer.device(Changer)
    changer.engine()(bps.mv(device.at_stage, "A"))
    changer.engine()(bps.mv(device.in_furnace, "A"))
    assert (device.at_stage.get(), device.in_furnace.get()) == ("", "A")
    changer.engine()(bps.mv(device.in_furnace, ""))
    assert changer.driver.station_of("A") == "rack"


# ---------------------------------------------------------------------------------------------- the operator's alone
def test_nobody_answers(operator: Operator) -> None:
    driver = manual(operator)
    operator.is_there = False
    driver.start_transfer("A", "stage")
    assert str(operator.asked[-1]) == (
        "Request 1: carry coupon A from the rack to the stage, then confirm (within 600 s)"
    )
    operator.clock.advance(601.0)
    with pytest.raises(
        DeadlineError, match=r"Request 1: carry coupon A .*no answer in 600 s; look where the coupon is"
    ):
        driver.is_busy  # noqa: B018
    assert driver.station_of("A") == "rack"
    assert operator.asked[-1] is None
    with pytest.raises(RefusedError, match=r"request 1 is not open any more \(none is open\); put the coupon back"):
        driver.confirm(1)
    operator.is_there = True
    driver.start_transfer("A", "stage")  # the next request begins anew
    operator.clock.advance(6.0)
    assert not driver.is_busy
    assert driver.station_of("A") == "stage"


def test_an_operator_declines(operator: Operator) -> None:
    driver = manual(operator)
    operator.is_there = False
    driver.start_transfer("A", "stage")
    driver.decline(1, "it is cracked")
    with pytest.raises(StoppedError, match=r"Request 1.*declined: it is cracked"):
        driver.is_busy  # noqa: B018
    operator.clock.advance(1000.0)
    with pytest.raises(StoppedError):
        driver.is_busy  # noqa: B018


def test_a_request_taken_back_moves_nothing_and_an_old_answer_is_not_taken_for_a_new_one(operator: Operator) -> None:
    driver = manual(operator)
    operator.is_there = False
    driver.start_transfer("A", "stage")
    driver.finish_transfer()
    assert not driver.is_busy
    assert driver.station_of("A") == "rack"
    driver.start_transfer("B", "stage")
    with pytest.raises(RefusedError, match=r"request 1 is not open any more \(Request 2"):
        driver.confirm(1)
    driver.confirm(2)
    assert driver.station_of("B") == "stage"


def test_two_coupons_do_not_lie_in_one_place(operator: Operator) -> None:
    with pytest.raises(ValueError, match="A, B are all at the stage, which holds one"):
        ManualChanger({"A": "stage", "B": "stage"}, operator, operator.clock)
    with pytest.raises(RefusedError, match="given no furnace"):
        ManualChanger({"A": "rack"}, operator, operator.clock).start_transfer("A", "furnace")
