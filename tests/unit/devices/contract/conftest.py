"""Each role's driver, twice: the twin's on simulated time, and the instrument's over real sockets at the twin's server.

What a test of this folder asserts must hold for both. `Rig` hides which it is.
"""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bluesky import RunEngine
from wire_bench import served_twin

from beamline.recipe import Coupon, Glass
from devices import DiscreteEventClock, Geometry, RealClock, RefusedError, ScaledClock
from devices.drivers.carousel import Carousel, CarouselSettings
from devices.drivers.counter_files import CounterFiles, CounterSettings
from devices.drivers.eurotherm import EurothermFurnace, EurothermSettings
from devices.drivers.light_conversion import LightConversionLaser, LightConversionSettings
from devices.drivers.micromanager import MicroManagerCamera, MicroManagerSettings
from devices.drivers.ocean import OceanSettings, OceanSpectrometer
from devices.drivers.zaber import ZaberSettings, ZaberStage
from devices.twin import build_twin
from devices.twin.wire import WireTwin
from devices.twin.wire.laser import FULL_ENERGY_uJ
from devices.twin.wire.phu import phu
from devices.twin.wire.stage import GATE_OUTPUT, MICROSTEP_um

MIXED = Glass(name="BrI", bromide=1.5, iodide=1.5)
COUPONS = (Coupon(serial="A", glass=MIXED), Coupon(serial="B", glass=MIXED))


@dataclass
class Rig:
    """A driver, and how its time passes.

    Attributes:
        driver: that is tested.
        clock: for a role of it.
        pass_time: let so many seconds of the clock pass.
        drivers: all of the twin, to bring it into a state; use them within `lock`.
        lock: of the twin.
        speed: of the clock, times the wall's.
    """

    driver: Any
    clock: Any
    pass_time: Callable[[float], object]
    drivers: Any = None
    lock: Any = field(default_factory=nullcontext)
    speed: float = 1.0

    def until(self, is_true: Callable[[], object], within_s: float) -> None:
        """Let time pass until something is true; an error if it is not within so many seconds of the clock.

        What the machine is late by is not the driver's fault: it is looked at three hundred times at least.
        """
        for _ in range(300):
            if is_true():
                return
            self.pass_time(within_s / 300)
        pytest.fail(f"not true after {within_s:g} s")

    def refused(self, command: Callable[[], object], match: str) -> None:
        """A command is refused, at once or by the next look at the driver."""

        def command_and_look() -> None:
            command()
            self.until(lambda: not self.driver.is_busy, 5.0)

        with pytest.raises(RefusedError, match=match):
            command_and_look()

    def write_lines(self, n_lines: int = 1) -> None:
        """Coupon A with lines of 1 mm in it, 30 um apart, their middle under the head of the spectrometer."""
        geometry, drivers = Geometry(), self.drivers

        def do(command: Callable[[], object], role: str) -> None:
            with self.lock:
                command()
                device = getattr(drivers, role)
            self.until(lambda: not self._is_busy(device), 200.0)

        do(lambda: drivers.changer.start_transfer("A", "stage"), "changer")
        do(lambda: drivers.laser.start_pulse_energy(200.0), "laser")
        do(lambda: drivers.laser.start_repetition_rate(10.0), "laser")
        for n in range(n_lines):
            x, y, z = geometry.under_laser(5.0, 5.0 + 0.03 * (n - (n_lines - 1) / 2), 0.2)
            for axis, mm in (("x", x), ("y", y), ("z", z)):
                do(lambda axis=axis, mm=mm: drivers.stage.start_move(axis, mm), "stage")
            with self.lock:
                drivers.laser.open_output()
            do(lambda x=x, y=y: drivers.stage.start_line(x + 1.0, y, 0.4), "stage")
            with self.lock:
                drivers.laser.close_output()
        x, y, _ = geometry.under_spectrometer(5.5, 5.0)
        for axis, mm in (("x", x), ("y", y)):
            do(lambda axis=axis, mm=mm: drivers.stage.start_move(axis, mm), "stage")

    def _is_busy(self, device: Any) -> bool:
        with self.lock:
            return any(map(device.is_moving, "xyz")) if hasattr(device, "is_moving") else device.is_busy

    def device(self, role: type[Any]) -> Any:
        """The role over the driver, as a session makes it: what a wire is late by counts more on a fast clock."""
        device = role(name=role.__name__.lower(), driver=self.driver, clock=self.clock)
        device.allow_for_lateness(self.speed)
        return device

    def engine(self) -> RunEngine:
        """An engine that lives by the clock."""
        engine = RunEngine({})
        self.clock.install(engine)
        return engine


def on_twin(role: str) -> Rig:
    clock = DiscreteEventClock()
    drivers = build_twin(1, COUPONS, clock)
    return Rig(getattr(drivers, role), clock, clock.advance, drivers)


@contextmanager
def on_wire(speed: float, make: Callable[[WireTwin], Any], lifetime_folder: Path | None = None) -> Iterator[Rig]:
    clock = ScaledClock(speed)
    pause = threading.Event()
    with served_twin(1, COUPONS, clock, lifetime_folder=lifetime_folder) as wire:
        with wire.shared.lock:
            wire.drivers.stage.switch_gate(is_open=True)  # dots are written past the stage's controller
        driver = make(wire)
        if hasattr(driver, "connect"):
            driver.connect()
        yield Rig(driver, clock, lambda seconds: pause.wait(seconds / speed), wire.drivers, wire.shared.lock, speed)
        driver.close()


def light_conversion(wire: WireTwin) -> LightConversionLaser:
    calibration = (0.0, 0.0), (100.0, FULL_ENERGY_uJ)
    return LightConversionLaser(
        LightConversionSettings("127.0.0.1", wire.laser.port, calibration, 0.6, 0.4, poll_s=0.03)
    )


def eurotherm_tcp(wire: WireTwin) -> EurothermFurnace:
    return EurothermFurnace(EurothermSettings("EPC3000", host="127.0.0.1", port=wire.furnace.port, poll_s=0.02))


def eurotherm_rtu(wire: WireTwin) -> EurothermFurnace:
    port = wire.furnace_rtu.serial_port
    return EurothermFurnace(EurothermSettings("3200", serial_port=port, baud_rate=115200, poll_s=0.02))


def lake_shore(wire: WireTwin) -> Any:
    """The driver that docs/tutorials/new-driver.md makes, as it stands there."""
    page = Path(__file__).parents[4] / "docs" / "tutorials" / "new-driver.md"
    blocks = re.findall(r"^```python driver\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    made: dict[str, Any] = {}
    exec("".join(blocks), made)  # noqa: S102  # our own page
    server = made["serve_controller"](wire.drivers.furnace, wire.shared.lock)
    driver = made["LakeShoreFurnace"](*server.server_address, poll_s=0.02)
    close = driver.close

    def close_both() -> None:
        close()
        server.shutdown()
        server.server_close()

    driver.close = close_both
    return driver


def zaber(wire: WireTwin) -> ZaberStage:
    steps = (MICROSTEP_um,) * 3
    settings = ZaberSettings(steps, host="127.0.0.1", port=wire.stage.port, poll_s=0.02, gate_output=GATE_OUTPUT)
    return ZaberStage(settings)


def ocean(wire: WireTwin) -> OceanSpectrometer:
    settings = OceanSettings(read_noise_counts=10.0, gain_counts_per_electron=0.3, warm_up_s=0.2)
    return OceanSpectrometer.at_address("127.0.0.1", settings, port=wire.spectrometer.port, has_lamp=True)


class Locked:
    """A driver of the twin whose every use holds its lock."""

    def __init__(self, driver: Any, lock: Any) -> None:
        self._driver, self._lock = driver, lock

    def __getattr__(self, name: str) -> Any:
        with self._lock:
            value = getattr(self._driver, name)
        if not callable(value):
            return value

        def call(*args: Any) -> Any:
            with self._lock:
                return value(*args)

        return call


def carousel_tcp(wire: WireTwin) -> Carousel:
    return carousel(wire, host="127.0.0.1", port=wire.carousel.port)


def carousel_rtu(wire: WireTwin) -> Carousel:
    return carousel(wire, serial_port=wire.carousel_rtu.serial_port, baud_rate=115200, parity="N")


def carousel(wire: WireTwin, **line: Any) -> Carousel:
    settings = CarouselSettings(slots={"A": 1, "B": 2}, poll_s=0.02, **line)
    return Carousel(settings, Locked(wire.drivers.furnace, wire.shared.lock))


def counter_files(wire: WireTwin) -> CounterFiles:
    folder = wire.counter.folder
    with wire.shared.lock:
        bare = wire.drivers.lifetime.histogram
    response = folder / "response.phu"
    response.write_bytes(phu(dataclasses.replace(bare, counts=np.round(1e6 * bare.response), acquisition_s=10.0)))
    settings = CounterSettings(
        folder,
        n_bins=bare.counts.size,
        bin_width_ns=bare.bin_width_ns,
        excitation_rate_kHz=bare.excitation_rate_kHz,
        filters=("all", "green", "red"),
        response_file=response,
        timeout_s=20.0,
        poll_s=0.02,
    )
    return CounterFiles(settings)


def rigs(role: str, speed: float, **makers: Callable[[WireTwin], Any]) -> Any:
    """A fixture that gives the twin's driver, then each of the instrument's."""

    @pytest.fixture(params=["twin", *makers])
    def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
        if request.param == "twin":
            yield on_twin(role)
            return
        with ExitStack() as stack:
            yield stack.enter_context(on_wire(speed, makers[request.param], tmp_path))

    return rig


laser = rigs("laser", 1.0, light_conversion=light_conversion)
# Ramps last minutes: the servers' time runs 200 times as fast.
furnace = rigs("furnace", 200.0, eurotherm_tcp=eurotherm_tcp, eurotherm_rtu=eurotherm_rtu, lake_shore=lake_shore)
stage = rigs("stage", 1.0, zaber=zaber)
spectrometer = rigs("spectrometer", 20.0, ocean=ocean)
lifetime = rigs("lifetime", 100.0, counter_files=counter_files)

MICROSCOPE = """
Device,Camera,DemoCamera,DCam
Device,Lights,DemoCamera,DWheel
Device,Wheel,DemoCamera,DWheel
Property,Core,Initialize,1
Property,Core,Camera,Camera
Property,Camera,OnCameraCCDXSize,64
Property,Camera,OnCameraCCDYSize,48
Property,Camera,PixelType,64bitRGB
Property,Camera,BitDepth,12
ConfigGroup,Illumination,off,Lights,State,0
ConfigGroup,Illumination,white,Lights,State,1
ConfigGroup,Illumination,uv_365nm,Lights,State,2
ConfigGroup,Filter,none,Wheel,State,0
ConfigGroup,Filter,long_pass_645,Wheel,State,1
ConfigPixelSize,low,Camera,Binning,1
PixelSize_um,low,2.5
"""
"""As Micro-Manager's wizard writes it, for the devices that it brings for demonstrations."""


@pytest.fixture
def microscope_file(tmp_path: Path) -> Path:
    file = tmp_path / "microscope.cfg"
    file.write_text(MICROSCOPE, encoding="ascii")
    return file


@pytest.fixture(params=["twin", "micromanager"])
def camera(request: pytest.FixtureRequest, microscope_file: Path) -> Iterator[Rig]:
    if request.param == "twin":
        yield on_twin("camera")
        return
    pytest.importorskip("pymmcore")
    adapters = Path(pytest.importorskip("mm_test_adapters").device_adapter_path())
    settings = MicroManagerSettings(
        adapters, microscope_file, filter_group="Filter", gain_property="Gain", settle_s=0.02, read_out_s=0.02
    )
    driver = MicroManagerCamera(settings)
    driver.connect()
    pause = threading.Event()
    yield Rig(driver, RealClock(), pause.wait)
    driver.close()
