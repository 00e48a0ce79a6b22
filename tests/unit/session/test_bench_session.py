"""A bench from its file: the instruments' own drivers over real sockets, at a twin on the wire whose time runs faster."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import pytest
from bluesky.utils import FailedStatus
from wire_bench import bench_file, ports_of, served_twin

from beamline.hardware import InstrumentConnectError
from beamline.instrument import Instrument, InstrumentFileError, load_instrument
from beamline.recipe import Coupon, Glass, HeatTreatment, Line, Recipe, Site
from beamline.session import Session, open_session
from beamline.smoke import ROLES, look
from devices import RefusedError, ScaledClock
from devices.twin.wire import WireTwin
from plans import CouponInHand, NightLabel, heat_treat_coupon, load_on_stage, write_coupon

COUPON = Coupon(serial="A-01", glass=Glass(name="BrI", bromide=1.5, iodide=1.5))
SPEED = 200.0


def written(path: Path, wire: WireTwin, **changes: int) -> Path:
    path.write_text(bench_file(ports_of(wire) | changes, speed=SPEED), encoding="utf-8")
    return path


@pytest.fixture
def wire() -> Iterator[WireTwin]:
    with served_twin(1, (COUPON,), ScaledClock(SPEED)) as twin:
        yield twin


@pytest.fixture
def file(tmp_path: Path, wire: WireTwin) -> Path:
    return written(tmp_path / "instrument.toml", wire)


def hands(wire: WireTwin) -> Any:
    """An operator: carries the coupon of the twin, which has a changer of its own behind the wire, and confirms."""

    def ask(changer: Any, request: Any) -> None:
        if request is None:
            return

        def carry() -> None:
            pause = threading.Event()
            with wire.shared.lock:
                wire.drivers.changer.start_transfer(request.serial, request.station)
            while True:
                with wire.shared.lock:
                    if not wire.drivers.changer.is_busy:
                        break
                pause.wait(0.01)
            changer.confirm(request.number)

        threading.Thread(target=carry, daemon=True).start()

    return ask


def opened(file: Path, tmp_path: Path, wire: WireTwin) -> Session:
    instrument = load_instrument(file)
    return open_session(
        instrument,
        coupons=(COUPON,),
        data=tmp_path / "data",
        seed=1,
        unattended=False,
        catalog=False,
        ask=hands(wire),
    )


@pytest.mark.nightly  # tests/system/test_bench_on_the_wire.py shows the same from a process of its own
def test_a_coupon_goes_through_the_bench_by_the_drivers_of_the_instruments(
    file: Path, tmp_path: Path, wire: WireTwin
) -> None:
    treatment = HeatTreatment(temperature_C=200, hold_s=600, ramp_C_min=20)
    site = Site(coupon="A-01", name="A1", x_mm=10.0, y_mm=10.0)
    recipe = Recipe(writing=Line(pulse_energy_uJ=200, speed_mm_s=0.4, length_mm=4.0), heat_treatment=treatment)
    hand = CouponInHand(NightLabel("by-hand", "by-hand-1", {}), COUPON, 1, "by-hand", {"A1": site}, {"A1": recipe})
    with opened(file, tmp_path, wire) as session:
        assert session.instrument.drivers == {
            "laser": "light_conversion",
            "stage": "zaber",
            "furnace": "eurotherm",
            "changer": "manual",
            "spectrometer": "none",
            "lifetime": "none",
            "camera": "none",
        }
        bench, RE = session.bench, session.RE
        RE(load_on_stage(bench, "A-01"))
        RE(write_coupon(bench, hand))
        assert bench.laser.power_at_sample_W.get() > 0.1
        RE(load_on_stage(bench, "A-01"))
        with wire.shared.lock:
            glass = wire.drivers.spectrometer
            stage = wire.drivers.stage
            assert stage.position_mm("x") == pytest.approx(bench.geometry.under_laser(12, 10, 0.2)[0], abs=0.01)
            assert not wire.drivers.laser.is_output_open
        RE(heat_treat_coupon(bench, hand, treatment))
        with pytest.raises((RefusedError, FailedStatus), match="no spectrometer"):
            RE(bps.mv(bench.spectrometer.lamp, "on"))
    assert not glass.is_lamp_on
    with wire.shared.lock:
        assert wire.drivers.furnace.is_on is False
        assert wire.drivers.changer.station_of("A-01") == "furnace"
    (writing,) = session.records.runs(campaign="by-hand-1", purpose="writing")
    (heating,) = session.records.runs(campaign="by-hand-1", purpose="heat_treatment")
    for run in (writing, heating):
        assert run.stop is not None
        assert run.stop["exit_status"] == "success"
    temperatures = [d["data"]["furnace_temperature_C"] for n, d in heating.documents if n == "event"]
    assert max(temperatures) == pytest.approx(200, abs=5)
    # What the instruments heard is what was asked for, in their own words.
    x_mm, y_mm, _ = bench.geometry.under_laser(12.0, 10.0, 0.2)
    assert f"0 stream 1 line abs {x_mm * 1e4:.0f} {y_mm * 1e4:.0f}" in wire.stage_face.commands


def test_closing_lets_go_of_every_connection_and_of_the_records(file: Path, tmp_path: Path, wire: WireTwin) -> None:
    before = {thread.name for thread in threading.enumerate()}
    for _ in range(2):  # the second finds nothing taken
        with opened(file, tmp_path, wire) as session:
            assert session.bench.furnace.position == pytest.approx(25, abs=2)
        lanes = {t.name for t in threading.enumerate() if t.name.startswith("vitrail-") and " at " in t.name}
        assert not lanes - before


def test_whatever_fails_while_it_opens_nothing_is_left_taken(
    file: Path, tmp_path: Path, wire: WireTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    from beamline.records import RecordError, Records

    def broken(_records: Records) -> None:
        raise OSError("no space left on device")

    handler = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patched:
        patched.setattr(Records, "close_orphans", broken)
        with pytest.raises(RecordError, match="no space left"):
            opened(file, tmp_path, wire)
    assert signal.getsignal(signal.SIGTERM) is handler
    assert not [t for t in threading.enumerate() if t.name.startswith("vitrail-") and " at " in t.name]
    opened(file, tmp_path, wire).close()  # nothing was left locked


def test_what_does_not_answer_is_told_at_once_with_role_address_and_what_to_do(tmp_path: Path, wire: WireTwin) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        dead = one.getsockname()[1], two.getsockname()[1]
    file = written(tmp_path / "dead.toml", wire, laser=dead[0], furnace=dead[1])
    with pytest.raises(InstrumentConnectError) as caught:
        opened(file, tmp_path, wire)
    assert set(caught.value.failures) == {"laser", "furnace"}
    for role, port in zip(("laser", "furnace"), dead, strict=True):
        assert f"127.0.0.1:{port}" in caught.value.failures[role]
        assert "check power, cable, address" in caught.value.failures[role]
    assert not [t for t in threading.enumerate() if t.name.startswith("vitrail-stage at")]
    again = written(tmp_path / "alive.toml", wire)
    opened(again, tmp_path, wire).close()  # nothing was left locked


def test_a_controller_with_wider_limits_than_agreed_is_not_connected_to(tmp_path: Path, wire: WireTwin) -> None:
    wire.furnace_face.most_output_percent = 80.0
    file = written(tmp_path / "instrument.toml", wire)
    text = file.read_text(encoding="utf-8")
    for line, words in (
        ("highest_C = 560.0", "600 degC, and 560 degC are agreed"),
        ("highest_C = 600.0\nmost_output_percent = 60.0", "80 % of its power, and 60 %"),
    ):
        file.write_text(text.replace("highest_C = 600.0", line), encoding="utf-8")
        with pytest.raises(InstrumentConnectError, match=words) as caught:
            opened(file, tmp_path, wire)
        assert "at the controller" in caught.value.failures["furnace"]


def test_the_smoke_look_reads_and_writes_nothing(file: Path, wire: WireTwin, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    answer, write = wire.laser_face.answer, wire.furnace_face.write
    monkeypatch.setattr(
        wire.laser_face, "answer", lambda method, path, body: (heard.append(method), answer(method, path, body))[1]
    )
    monkeypatch.setattr(
        wire.furnace_face, "write", lambda address, word: (heard.append("modbus write"), write(address, word))[1]
    )
    settings = load_instrument(file).bench
    assert settings is not None
    findings = look(settings)
    assert {finding.role for finding in findings} == set(ROLES)
    assert not [finding for finding in findings if finding.warning]
    assert {finding.what: finding.value for finding in findings}["temperature"].endswith("degC")
    assert set(heard) == {"GET"}
    assert [command for command in wire.stage_face.commands if not command.endswith(" ")] == []


def test_the_smoke_look_warns_of_what_wants_attention(file: Path, wire: WireTwin) -> None:
    wire.laser_face.is_interlocked = True
    wire.stage_face.is_homed = False
    wire.furnace_face.alarms = {1}
    settings = load_instrument(file).bench
    assert settings is not None
    warned = {finding.what for finding in look(settings) if finding.warning}
    assert warned == {"remote interlock", "homed", "alarms"}


def test_the_smoke_command(file: Path, wire: WireTwin) -> None:
    from click.testing import CliRunner

    from beamline.cli import main

    done = CliRunner().invoke(main, ["bench", "smoke", "--instrument", str(file), "--role", "furnace"])
    assert done.exit_code == 0
    assert "All answer. Nothing was written." in done.output
    assert "laser" not in done.output
    wire.furnace_face.alarms = {2}
    done = CliRunner().invoke(main, ["bench", "smoke", "--instrument", str(file), "--role", "furnace"])
    assert done.exit_code == 1
    assert "! find out why" in done.output


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[bench.changer.manual]", "", "bench.changer"),
        ('model = "EPC3000"', 'model = "EPC9"', "known are EPC3000, 3200"),
        ("poll_s = 0.05", 'password = "x"', "password"),
        ("[bench.changer.manual]", '[bench.changer.manual]\nat_stage = "Z-9"\n', None),
        ("[bench.stage.zaber]", "[bench.stage.pi]", "pi"),
        ("speed = 200.0", "speed = 0", "too low"),
        ('kind = "bench"', 'kind = "twin"', "simulated bench"),
        ("transmission = 0.6", "transmission = 60", "share from 0 to 1"),
    ],
)
def test_a_bad_bench_file(tmp_path: Path, wire: WireTwin, old: str, new: str, words: str | None) -> None:
    file = written(tmp_path / "instrument.toml", wire)
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    if words is None:  # allowed by itself: which coupons there are is known when a session opens
        with pytest.raises(InstrumentConnectError, match="coupon Z-9 is to be at the stage"):
            opened(file, tmp_path, wire)
        return
    with pytest.raises(InstrumentFileError, match=words):
        load_instrument(file)


def test_a_bench_without_its_table_says_what_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "instrument.toml"
    file.write_text('kind = "bench"', encoding="utf-8")
    with pytest.raises(InstrumentFileError, match=r"names the driver of each role under \[bench\]"):
        load_instrument(file)
    assert set(Instrument().drivers.values()) == {"twin"}
