"""Driver of Light Conversion's PHAROS and CARBIDE lasers over their REST interface: a `devices.protocols.LaserDriver`.

Commands and polling go over one connection, the closing of the output over another with its own thread, so that a slow
answer to anything else does not keep the output open. `ResetRemoteInterlock` is never called: why the interlock
tripped is for somebody who stands at the laser. Settings, limits and assumptions: docs/reference/drivers/laser.md.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devices.capabilities import Capability
from devices.errors import CommunicationError, RefusedError

from .lane import Lane
from .light_conversion_settings import LightConversionSettings
from .light_conversion_wire import BasicState, Rest, parse_basic, parse_flag, parse_number

if TYPE_CHECKING:
    import httpx

__all__ = ["LightConversionLaser", "LightConversionSettings"]

RATE_TOLERANCE_kHz = 0.01
PERCENT_TOLERANCE = 0.1
CLOSE_RETRY_S = 0.3
"""Between two attempts to close an output that did not confirm it: closing may be repeated, opening never."""


@dataclass(frozen=True)
class _State:
    basic: BasicState
    is_interlocked: bool


class LightConversionLaser:
    """A `devices.protocols.LaserDriver`; `connect` before use, `close` at the end.

    Args:
        settings: of the laser and its beam path.
        transport: instead of a network, in tests.
        power_meter: measured power at the sample, W, from a meter of its own; used instead of `settings.transmission`.
        speed: how many times faster than real the time of the laser passes: 1, but for a twin on the wire. Exposures are timed
            so much shorter.
    """

    def __init__(
        self,
        settings: LightConversionSettings,
        transport: httpx.BaseTransport | None = None,
        power_meter: Callable[[], float] | None = None,
        *,
        speed: float = 1.0,
    ) -> None:
        self.settings = settings
        self._speed = speed
        self.wavelength_nm = settings.wavelength_nm
        self.numerical_aperture = settings.numerical_aperture
        self._power_meter = power_meter
        url = f"http://{settings.host}:{settings.port}/v1"
        name = f"laser at {url}"
        self._rest = Rest(url, settings.timeout_s, transport)
        self._closing_rest = Rest(url, settings.timeout_s, transport)
        self._lane: Lane[_State] = Lane(name, self._poll, poll_s=settings.poll_s, stale_s=settings.stale_s)
        # An exposure is as long as it is, and what comes after it ends by itself: five attempts.
        self._closing: Lane[None] = Lane(name, lambda: None, poll_s=60.0, stale_s=math.inf, deadline_s=math.inf)
        self._amplifier_kHz = 0.0
        self._wanted: tuple[float | None, int | None] = (None, None)
        self._settle_until_s = 0.0
        self._lock = threading.Lock()
        self._end_exposure = threading.Event()
        self._is_wanted_open = False
        self._is_exposing = False
        self._opened: tuple[float, float] | None = None
        self._powers_W: list[float] = []
        self._power_at_sample_W = 0.0
        self._pulses = 0.0
        self._pulses_sd = 0.0

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it has of `devices.capabilities.CAPABILITIES`."""
        has_power = self._power_meter is not None or self.settings.transmission > 0
        return frozenset({"measured power"} if has_power else ())

    def connect(self, timeout_s: float = 5.0) -> None:
        """Connect and read for the first time; may take up to `timeout_s`.

        Raises:
            CommunicationError: no laser answers at that address.
        """
        self._lane.start(timeout_s)
        self._closing.start(timeout_s)

    def close(self) -> None:
        """Close the output, then the connections."""
        self.close_output()
        deadline_s = time.monotonic() + self.settings.timeout_s
        pause = threading.Event()
        while self._closing.is_pending and time.monotonic() < deadline_s:
            pause.wait(0.01)
        self.release()

    def release(self) -> None:
        """End the connections, and leave the laser as it is: nothing is sent."""
        for lane, rest in ((self._closing, self._closing_rest), (self._lane, self._rest)):
            lane.stop()
            rest.close()

    # ------------------------------------------------------------------------------------------------------ readings
    @property
    def pulse_energy_uJ(self) -> float:
        """Pulse energy by the attenuator's position and its calibration, uJ."""
        return self.settings.energy_uJ(self._lane.state.basic.attenuator_percent)

    @property
    def repetition_rate_kHz(self) -> float:
        """Frequency at the output, kHz."""
        return self._lane.state.basic.output_frequency_kHz

    @property
    def pulse_duration_fs(self) -> float:
        """Pulse duration, fs."""
        return self._lane.state.basic.pulse_duration_fs

    @property
    def power_at_sample_W(self) -> float:
        """Mean of the power read while the output was open last, W; 0 if it was too short to be read."""
        return self._power_at_sample_W

    @property
    def pulses_delivered(self) -> float:
        """Open time between the two answers, times the repetition rate."""
        return self._pulses

    @property
    def pulses_delivered_sd(self) -> float:
        """One sigma: when within its request the output moved is not known, and the output has its own jitter."""
        return self._pulses_sd

    @property
    def is_output_open(self) -> bool:
        """What the laser says."""
        return self._lane.state.basic.is_output_open

    @property
    def is_wanted_open(self) -> bool:
        """Whether it was told to open and not yet to close; with a closed output somebody else has closed it."""
        with self._lock:
            return self._is_wanted_open

    @property
    def is_interlocked(self) -> bool:
        """Whether the remote interlock has tripped; it is reset by hand, at the laser."""
        return self._lane.state.is_interlocked

    @property
    def state_name(self) -> str:
        """The laser's name for its state, without "State" before it."""
        return self._lane.state.basic.state_name

    @property
    def age_s(self) -> float:
        """Age of the readings, s."""
        return self._lane.age_s

    @property
    def is_busy(self) -> bool:
        """Whether a command is not carried out, a setting moves or a timed exposure runs."""
        self._closing.state  # noqa: B018  # raises what a failed closing left behind
        return self._is_busy_in(self._lane.state)

    # ------------------------------------------------------------------------------------------------------ commands
    def start_pulse_energy(self, pulse_energy_uJ: float) -> float:
        """Move the attenuator; returns the longest time it takes, s. Refused while the output is open."""
        percent = self.settings.percent(pulse_energy_uJ)

        def work() -> None:
            self._rest.put("/Basic/TargetAttenuatorPercentage", round(percent, 3))
            self._wanted = round(percent, 3), self._wanted[1]

        self._move(f"pulse energy {pulse_energy_uJ:g} uJ", work)
        return 0.2

    def start_repetition_rate(self, repetition_rate_kHz: float) -> float:
        """Set the pulse picker; returns the expected time, s. Refused while the output is open.

        Raises:
            RefusedError: no whole divider gives this rate, or the output is open.
        """
        amplifier_kHz = self._amplifier_kHz
        divider = max(round(amplifier_kHz / repetition_rate_kHz), 1) if repetition_rate_kHz > 0 else 1
        given_kHz = amplifier_kHz / divider
        if abs(given_kHz - repetition_rate_kHz) > RATE_TOLERANCE_kHz:
            near = sorted({amplifier_kHz / d for d in range(max(divider - 1, 1), divider + 2)})
            raise RefusedError(
                f"{self._lane.name}: repetition rate {repetition_rate_kHz:g} kHz: the amplifier runs at "
                f"{amplifier_kHz:g} kHz and the pulse picker divides by whole numbers; near are "
                f"{', '.join(f'{kHz:.6g}' for kHz in near)} kHz"
            )

        def work() -> None:
            self._rest.put("/Basic/TargetPpDivider", divider)
            self._wanted = self._wanted[0], divider

        self._move(f"repetition rate {repetition_rate_kHz:g} kHz", work)
        return 0.2

    def start_exposure(self, exposure_s: float) -> float:
        """Open the output for a time measured here; returns the expected time, s."""
        self._open(f"exposure of {exposure_s:g} s", exposure_s)
        return exposure_s

    def open_output(self) -> None:
        """Open the output until `close_output`."""
        self._open("open output", None)

    def close_output(self) -> None:
        """Close the output at once over a connection of its own; repeated until the laser confirms it."""
        with self._lock:
            self._is_wanted_open = False
        self._end_exposure.set()
        self._closing.submit("close output", self._close_until_confirmed)

    # ------------------------------------------------------------------------------------------------- on the threads
    def _poll(self) -> _State:
        basic = parse_basic(self._rest.get("/Basic"))
        if self._amplifier_kHz == 0.0:
            kHz = parse_number(self._rest.get("/Advanced/TargetRaFrequency"), "Advanced/TargetRaFrequency")
            if kHz <= 0:
                raise CommunicationError(f"Advanced/TargetRaFrequency: {kHz:g} kHz is not positive")
            self._amplifier_kHz = kHz
        what = "Advanced/IsRemoteInterlockActive"
        is_interlocked = self.settings.has_remote_interlock and parse_flag(self._rest.get(f"/{what}"), what)
        if basic.is_output_open and self._opened is not None:
            meter = self._power_meter
            self._powers_W.append(meter() if meter is not None else basic.output_power_W * self.settings.transmission)
        return _State(basic, is_interlocked)

    def _is_busy_in(self, state: _State) -> bool:
        if self._lane.is_pending or self._closing.is_pending or self._is_exposing:
            return True
        return time.monotonic() < self._settle_until_s and self._difference(state.basic) is not None

    def _difference(self, basic: BasicState) -> str | None:
        """In which setting the laser is not what was asked for, in words."""
        percent, divider = self._wanted
        if percent is not None and abs(basic.attenuator_percent - percent) > PERCENT_TOLERANCE:
            return f"attenuator {basic.attenuator_percent:g} % where {percent:g} % was set"
        if divider is not None and basic.pp_divider != divider:
            return f"pulse picker divides by {basic.pp_divider} where {divider} was set"
        return None

    def _move(self, what: str, work: Callable[[], None]) -> None:
        def checked() -> None:
            if parse_basic(self._rest.get("/Basic")).is_output_open:
                raise RefusedError("the laser's output is open; close it before its settings move")
            work()
            self._settle_until_s = time.monotonic() + self.settings.settle_s

        self._lane.submit(what, checked)

    def _open(self, what: str, exposure_s: float | None) -> None:
        if self._is_exposing or self._is_wanted_open:
            raise RefusedError(f"{self._lane.name}: {what}: the laser's output is open already; close it first")
        # Whatever became of the last command: its failure must not keep the next from being given.
        if self._is_busy_in(self._lane.last_state):
            raise RefusedError(
                f"{self._lane.name}: {what}: the laser's attenuator or pulse picker still moves, or a command is under "
                "way; wait"
            )
        with self._lock:
            self._is_wanted_open = True
            self._is_exposing = exposure_s is not None
        self._end_exposure.clear()
        self._lane.submit(what, lambda: self._open_now(what, exposure_s))

    def _open_now(self, what: str, exposure_s: float | None) -> None:
        try:
            self._check_ready(self._poll())
            before_s = time.monotonic()
            self._powers_W = []
            self._rest.post("/Basic/EnableOutput")
            self._opened = before_s, time.monotonic()
        except RefusedError:
            with self._lock:
                self._is_wanted_open = self._is_exposing = False
            raise
        except BaseException:  # it may be open all the same
            self._closing.submit("close output", self._close_until_confirmed, patience_s=0)
            raise
        with self._lock:
            is_wanted = self._is_wanted_open
        if not is_wanted:  # closed while it was being opened: the two may have passed each other
            self._closing.submit("close output", self._close_until_confirmed, patience_s=0)
        elif exposure_s is not None:
            until_s = (before_s + self._opened[1]) / 2 + exposure_s / self._speed
            self._closing.submit(what, lambda: self._close_at(until_s), patience_s=0)

    def _check_ready(self, state: _State) -> None:
        """Refuse to open an output that is not as it was set."""
        if state.is_interlocked:
            raise RefusedError("the remote interlock is active; find out why, and reset it by hand at the laser")
        if state.basic.is_output_open:
            raise RefusedError("the laser's output is open already; close it first")
        if (difference := self._difference(state.basic)) is not None:
            raise RefusedError(
                f"{difference}: the laser was restarted or set by hand; set energy and rate again before it fires"
            )

    def _close_at(self, until_s: float) -> None:
        self._end_exposure.wait(max(until_s - time.monotonic(), 0.0))
        self._close_until_confirmed()

    def _close_until_confirmed(self) -> None:
        pause = threading.Event()
        for _ in range(5):
            before_s = time.monotonic()
            try:
                self._closing_rest.post("/Basic/CloseOutput")
            except (CommunicationError, RefusedError) as error:
                failure = error
                pause.wait(CLOSE_RETRY_S)
            else:
                self._note_closed(before_s, time.monotonic())
                return
        self._lane.refresh()
        with self._lock:
            self._is_wanted_open = self._is_exposing = False
        raise CommunicationError(
            f"the output did not confirm that it closed, after five attempts ({failure}); press the emergency stop"
        ) from failure

    def _note_closed(self, before_s: float, after_s: float) -> None:
        """Work out what the opening that now ends has delivered."""
        opened, self._opened = self._opened, None
        if opened is not None:
            rate_Hz = self._lane.last_state.basic.output_frequency_kHz * 1e3 * self._speed  # a second of the wall
            self._pulses = max((before_s + after_s - opened[0] - opened[1]) / 2, 0.0) * rate_Hz
            # Each edge lies anywhere within its request: a uniform distribution has sd = width / sqrt(12).
            edges = ((opened[1] - opened[0]) ** 2 + (after_s - before_s) ** 2) / 12.0
            self._pulses_sd = rate_Hz * math.sqrt(edges + (self.settings.gate_sd_s / self._speed) ** 2)
            powers_W = self._powers_W
            self._power_at_sample_W = sum(powers_W) / len(powers_W) if powers_W else 0.0
        self._lane.refresh()
        with self._lock:
            self._is_wanted_open = self._is_exposing = False
