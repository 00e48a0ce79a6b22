"""Every way in which a wire fails, for every instrument on one: a clear error in time, or recovery; nothing hangs.

`pytest -s` prints the matrix.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from waiting import until

from devices import (
    CommunicationError,
    DeadlineError,
    DeviceError,
    DriftError,
    Furnace,
    Laser,
    RealClock,
    RefusedError,
    Spectrometer,
    Stage,
    StuckError,
)
from devices.twin.wire import WireTwin
from devices.twin.wire.faults import (
    Fault,
    FaultySerialLine,
    FaultyWire,
    refuse_zaber,
)

from .fault_cases import CASES, STALE_S, TIMEOUT_S, Case

KINDS = ("silent", "late", "garbage", "refuse", "drop", "restart")
POLLED = ("laser", "furnace", "furnace RTU", "stage", "carousel")
ROLES = (*POLLED, "spectrometer")
MOVED = ("laser", "furnace", "furnace RTU", "stage")


@pytest.fixture
def connect(wire: WireTwin) -> Iterator[Callable[[str], Case]]:
    with ExitStack() as ends:

        def connect(role: str) -> Case:
            case = CASES[role](wire)
            ends.callback(case.wire.stop)
            if hasattr(case.driver, "connect"):
                case.driver.connect()
            ends.callback(case.driver.close)
            # whatever the case did to the wire, the end is reached over a good one
            ends.callback(setattr, case.wire, "faults", ())
            return case

        yield connect


def failure(case: Case) -> DeviceError:
    """What a plan sees of the command: raised by it, or by looking on."""
    with pytest.raises(DeviceError) as caught:
        case.command_and_look()
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", ROLES)
def test_a_command_that_fails_says_what_where_and_what_to_do(
    role: str, kind: str, connect: Callable[[str], Case], matrix: dict[tuple[str, str], str]
) -> None:
    case = connect(role)
    case.wire.faults = (Fault(kind, meets=case.is_write, delay_s=2 * case.timeout_s),)
    error = failure(case)
    assert case.wire.n_met == 1, "a command is never repeated"
    is_refusal = kind == "refuse" and role != "spectrometer"  # seabreeze waits for more than a refusal has
    assert isinstance(error, RefusedError if is_refusal else CommunicationError)
    text = str(error)
    assert re.match(case.address or rf"{role} at \S*127.0.0.1:{case.wire.port}", text), text  # the device
    assert case.named in text, text  # the command with its value and unit
    assert re.search(r"check|wait|look|refuses", text), text  # what to do
    if kind != "refuse" and role != "spectrometer":  # an acquisition that failed has changed nothing
        assert "not known" in text or "understood" in text or "no reply" in text, text
    # The wire is good again: what is read is good again, and the next command is taken, or refused with a reason.
    case.wire.faults = ()
    if kind == "late" and isinstance(case.wire, FaultySerialLine):
        # On a line without connections it meets the next request, which is told and not believed: let it come first.
        arrived_s = time.monotonic() + 3 * case.timeout_s
        until(lambda: time.monotonic() > arrived_s)
    if kind == "restart" and role == "stage":
        with pytest.raises(RefusedError, match="lost its reference"):
            until(lambda: case.command() is None and case.look() is None)
        outcome = "error; next move refused until homed"
    else:
        until(lambda: command_again(case))
        until(case.has_happened, 15.0)
        outcome = "error; next command taken"
    matrix[role, kind] = f"{outcome} ({text[:110]}...)"


def command_again(case: Case) -> bool:
    """Give the command anew; what is refused because something still moves is tried again."""
    try:
        case.command()
    except RefusedError as error:
        assert "still move" in str(error) or "wait" in str(error)  # noqa: PT017  # anything else is a failure
        return False
    return True


@pytest.mark.parametrize("role", ROLES)
def test_a_reply_that_is_a_little_late_is_waited_for(role: str, connect: Callable[[str], Case]) -> None:
    case = connect(role)
    case.wire.faults = (Fault("late", meets=case.is_write, delay_s=0.3 * case.timeout_s),)
    case.command()
    until(case.has_happened, 15.0)
    assert case.wire.n_met >= 1


@pytest.mark.parametrize("kind", ["silent", "garbage", "drop"])
@pytest.mark.parametrize("role", POLLED)
def test_readings_are_not_served_when_they_are_old_and_recover(
    role: str, kind: str, connect: Callable[[str], Case]
) -> None:
    case = connect(role)
    case.wire.faults = (Fault(kind),)
    with pytest.raises(
        DeadlineError,
        match=rf"{role.split(maxsplit=1)[0]} at .*no good answer for .*{STALE_S:g} s are allowed.*check power",
    ):
        until(lambda: case.look() is None, 10 * STALE_S)
    case.wire.faults = ()

    def is_good() -> bool:
        try:
            case.look()
        except DeadlineError:
            return False
        return True

    until(is_good)


@pytest.mark.parametrize("role", POLLED)
def test_lost_replies_now_and_then_are_not_noticed(role: str, connect: Callable[[str], Case]) -> None:
    case = connect(role)
    case.wire.faults = (Fault("garbage", probability=0.1, meets=lambda request: not case.is_write(request)),)
    end_s = time.monotonic() + 1.0
    until(lambda: case.look() is None or time.monotonic() > end_s)
    assert case.wire.n_met > 0


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_happens_to_the_opening_the_laser_ends_closed(
    kind: str, wire: WireTwin, connect: Callable[[str], Case]
) -> None:
    case = connect("laser")
    case.wire.faults = (Fault(kind, meets=lambda request: b"EnableOutput" in request, delay_s=2 * TIMEOUT_S),)
    case.command = lambda: case.driver.start_exposure(30.0)
    with pytest.raises(DeviceError, match="exposure of 30 s"):
        case.command_and_look()

    def is_dark() -> bool:
        with wire.shared.lock:
            return not wire.drivers.laser.is_output_open

    until(is_dark)
    until(lambda: not case.driver._closing.is_pending)
    assert is_dark()


def test_a_closing_that_is_lost_is_repeated(wire: WireTwin, connect: Callable[[str], Case]) -> None:
    case = connect("laser")
    case.driver.open_output()
    until(lambda: case.driver.is_output_open)
    now_s = wire.shared.now_s
    case.wire.faults = (Fault("silent", end_s=now_s + 0.6, meets=lambda request: b"CloseOutput" in request),)
    case.driver.close_output()
    until(lambda: not case.driver.is_output_open)
    assert case.wire.n_met >= 1


def test_a_closing_that_is_never_confirmed_says_so(connect: Callable[[str], Case]) -> None:
    case = connect("laser")
    case.driver.open_output()
    until(lambda: case.driver.is_output_open)
    case.wire.faults = (Fault("silent", meets=lambda request: b"CloseOutput" in request),)
    case.driver.close_output()
    with pytest.raises(CommunicationError, match=r"laser at .*close output: .*five attempts.*emergency stop"):
        until(lambda: case.look() is None)
    case.wire.faults = ()


def test_the_same_seed_fails_in_the_same_way(wire: WireTwin) -> None:
    def met(seed: int) -> list[bool]:
        faults = [Fault("silent", probability=0.5)]
        faulty = FaultyWire(wire.stage.port, wire.shared, faults, refuse=refuse_zaber, restart=lambda: None, seed=seed)
        drawn = [faulty._draw(b"x") is not None for _ in range(40)]
        faulty.stop()
        return drawn

    assert met(1) == met(1) != met(2)


# ----------------------------------------------------- stuck and drifting: the wire is good, the device is what notices
def begin_move(role: str, driver: Any) -> tuple[Any, Any]:
    """The device of a role over a driver, and the status of a move that it has begun."""
    clock = RealClock()
    if role == "laser":
        laser = Laser(name="laser", driver=driver, clock=clock)
        return laser, laser.pulse_energy_uJ.set(150.0)
    if role == "stage":
        stage = Stage(name="stage", driver=driver, clock=clock)
        return stage, stage.x_mm.set(11.0)
    furnace = Furnace(name="furnace", driver=driver, clock=clock, settle_s=0.1)
    furnace.poll_s = 0.05
    return furnace, furnace.set(26.0)


@pytest.mark.parametrize("role", MOVED)
def test_a_command_that_is_taken_and_not_carried_out_is_told(
    role: str, connect: Callable[[str], Case], matrix: dict[tuple[str, str], str]
) -> None:
    case = connect(role)
    case.wire.faults = (Fault("stuck", meets=case.is_write),)
    with pytest.raises(DeviceError) as caught:  # by the driver's own reading back, or by the device's
        begin_move(role, case.driver)[1].wait(20.0)
    assert case.wire.n_met >= 1
    text = str(caught.value)
    assert re.match(role.split(maxsplit=1)[0], text), text
    assert re.search(r"150|11|26", text), text
    matrix[role, "stuck"] = f"error ({text[:110]}...)"


@pytest.mark.parametrize("role", MOVED)
def test_a_value_that_wanders_off_is_told(
    role: str, connect: Callable[[str], Case], matrix: dict[tuple[str, str], str], wire: WireTwin
) -> None:
    case = connect(role)
    device, status = begin_move(role, case.driver)
    status.wait(20.0)
    device.read()
    sizes = {
        "laser": 0.05,
        "stage": 500.0,
        "furnace": 200.0,
        "furnace RTU": 200.0,
    }  # share; microsteps; the controller's last digit
    case.wire.faults = (Fault("drift", begin_s=wire.shared.now_s, size_per_s=sizes[role]),)
    with pytest.raises(DriftError, match=role.split(maxsplit=1)[0]) as caught:
        until(lambda: not device.read(), 20.0)
    matrix[role, "drift"] = f"error ({str(caught.value)[:110]}...)"


def test_a_wire_that_does_not_know_how_to_be_stuck_says_so(wire: WireTwin) -> None:
    faulty = FaultyWire(wire.stage.port, wire.shared, refuse=refuse_zaber, restart=lambda: None)
    with pytest.raises(ValueError, match="has not been told how its protocol does 'stuck'"):
        faulty.faults = (Fault("stuck"),)
    faulty.stop()


def frames(case: Case) -> Callable[[], None]:
    """The device over a spectrometer's driver: one call, one dark spectrum."""
    device = Spectrometer(name="spectrometer", driver=case.driver, clock=RealClock())
    device.integration_s.set(0.02).wait(5.0)
    device.n_averages.set(2).wait(5.0)
    return lambda: device.trigger().wait(10.0)


def test_a_spectrum_that_is_frozen_is_told(connect: Callable[[str], Case], matrix: dict[tuple[str, str], str]) -> None:
    case = connect("spectrometer")
    take = frames(case)
    case.wire.faults = (Fault("stuck", meets=case.is_write),)
    take()
    with pytest.raises(
        StuckError, match=r"spectrometer: 2 exposures of 0.02 s: the same counts to the last bit"
    ) as caught:
        take()
    matrix["spectrometer", "stuck"] = f"error ({str(caught.value)[:110]}...)"


def test_a_dark_level_that_wanders_off_is_told(
    connect: Callable[[str], Case], matrix: dict[tuple[str, str], str], wire: WireTwin
) -> None:
    case = connect("spectrometer")
    take = frames(case)
    take()
    case.wire.faults = (Fault("drift", begin_s=wire.shared.now_s, size_per_s=3000.0, meets=case.is_write),)

    def take_on() -> bool:
        take()
        return False

    with pytest.raises(DriftError, match=r"the darkest pixels read \d+ counts, the first time \d+ counts") as caught:
        until(take_on, 20.0)
    matrix["spectrometer", "drift"] = f"error ({str(caught.value)[:110]}...)"
