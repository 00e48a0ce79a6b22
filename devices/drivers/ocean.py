"""Driver of Ocean spectrometers through `seabreeze`: a `devices.protocols.SpectrometerDriver`.

Exposures are read one by one on a thread of their own, so that an acquisition can be given up between two. Settings,
limits and assumptions: docs/reference/drivers/spectrometer.md.
"""

from __future__ import annotations

import functools
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.capabilities import Capability
from devices.errors import CommunicationError, DeviceError, RefusedError

from .lane import Lane

__all__ = ["OceanSettings", "OceanSpectrometer", "choose_integration_s", "linearise"]


@dataclass(frozen=True)
class OceanSettings:
    """What the driver must know of the spectrometer and its lamp.

    Attributes:
        read_noise_counts: one sigma of one exposure, from the data sheet or from darks.
        gain_counts_per_electron: from the data sheet, or the variance over the mean of a steady light.
        serial_number: of the spectrometer; None takes the first that is found.
        nonlinearity: coefficients of the share that is seen of the light at so many counts above dark, rising powers;
            None takes those that its memory holds, and corrects nothing where it holds none; () corrects nothing.
        dark_level_counts: counts without light, to which the nonlinearity refers.
        warm_up_s: until the lamp is steady.
        read_out_s: of one exposure, beyond its integration time.
        n_discarded: exposures thrown away after a change of the integration time: the first was begun before it.
    """

    read_noise_counts: float
    gain_counts_per_electron: float
    serial_number: str | None = None
    nonlinearity: tuple[float, ...] | None = None
    dark_level_counts: float = 0.0
    warm_up_s: float = 1.0
    read_out_s: float = 0.01
    n_discarded: int = 1


def linearise(
    counts: NDArray[np.float64], dark_level_counts: float, coefficients: tuple[float, ...]
) -> NDArray[np.float64]:
    """Counts that a linear detector would show, shape as `counts`; the dark level stays.

    Args:
        counts: raw, any shape.
        dark_level_counts: without light.
        coefficients: of the polynomial in counts above dark by which those are divided, rising powers (Ocean's form).

    Raises:
        ValueError: the polynomial is not positive somewhere: the coefficients are not of this detector.
    """
    if not coefficients:
        return counts
    light = counts - dark_level_counts
    seen = np.polynomial.polynomial.polyval(light, np.array(coefficients))
    if not np.all(seen > 0):
        raise ValueError(f"nonlinearity={coefficients}: not positive over the counts; are they of this detector?")
    return np.asarray(dark_level_counts + light / seen)


def choose_integration_s(
    peak_counts: float,
    dark_level_counts: float,
    integration_s: float,
    *,
    saturation_counts: float,
    limits_s: tuple[float, float],
    share: float = 0.7,
) -> float:
    """The integration time at which the highest pixel fills `share` of what it holds, after one exposure, s.

    A saturated exposure tells only that it was too long: a tenth of it is next. Without any light the longest is.
    """
    if peak_counts >= saturation_counts:
        wanted_s = 0.1 * integration_s
    else:
        light = peak_counts - dark_level_counts
        room = share * saturation_counts - dark_level_counts
        wanted_s = integration_s * room / light if light > 0 else math.inf
    return min(max(wanted_s, limits_s[0]), limits_s[1])


class OceanSpectrometer:
    """A `devices.protocols.SpectrometerDriver`; `close` at the end.

    Args:
        instrument: a `seabreeze.spectrometers.Spectrometer`, opened.
        settings: of the spectrometer and its lamp.
        switch: switches the excitation lamp: True for on; must not block. None: a hand does, and says nothing of it.
        reopen: makes a new connection after a failure; None where seabreeze does so by itself.
    """

    def __init__(
        self,
        instrument: Any,
        settings: OceanSettings,
        switch: Callable[[bool], object] | None,
        *,
        reopen: Callable[[Any], object] | None = None,
    ) -> None:
        self.settings = settings
        self._reopen = reopen
        self._is_lost = False
        self.read_noise_counts = settings.read_noise_counts
        self.gain_counts_per_electron = settings.gain_counts_per_electron
        self._instrument = instrument
        self._switch = switch
        self._wavelength_nm = np.array(instrument.wavelengths(), dtype=np.float64)
        if self._wavelength_nm.ndim != 1 or not np.all(np.diff(self._wavelength_nm) > 0):
            raise CommunicationError("spectrometer: its wavelength axis does not rise; is its calibration lost?")
        self.saturation_counts = float(instrument.max_intensity)
        self._nonlinearity = self._coefficients()
        low_us, high_us = instrument.integration_time_micros_limits
        self.limits_s = low_us * 1e-6, high_us * 1e-6
        self._counts = np.zeros(self._wavelength_nm.size)
        self._n_saturated = 0
        self._is_given_up = threading.Event()
        self._integration_us: int | None = None
        self._is_lamp_on = False
        self._steady_s = 0.0
        name = f"spectrometer {instrument.serial_number}"
        self._lane: Lane[None] = Lane(
            name, lambda: None, poll_s=60.0, stale_s=math.inf, deadline_s=math.inf
        )  # the device of the role has the deadline of an acquisition
        self._lane.start(1.0)

    @classmethod
    def find(cls, settings: OceanSettings, switch: Callable[[bool], object] | None) -> OceanSpectrometer:
        """Open a spectrometer on this machine's USB.

        Raises:
            CommunicationError: there is none of that serial number.
        """
        from seabreeze.spectrometers import SeaBreezeError, Spectrometer  # noqa: PLC0415  # an extra, and slow

        try:
            instrument = Spectrometer.from_serial_number(settings.serial_number)
        except SeaBreezeError as error:
            raise CommunicationError(
                f"spectrometer {settings.serial_number or '(any)'}: connect: {error}; check USB, its udev rules, and "
                "whether another program has it"
            ) from error
        return cls(instrument, settings, switch)

    @classmethod
    def at_address(
        cls,
        host: str,
        settings: OceanSettings,
        switch: Callable[[bool], object] | None = None,
        *,
        port: int = 57357,
        model: str = "HDX",
        has_lamp: bool = False,
        timeout_s: float = 2.0,
    ) -> OceanSpectrometer:
        """Open a spectrometer on the network.

        Args:
            host: its IPv4 address.
            settings: of the spectrometer and its lamp.
            switch: of a lamp of its own; must not block.
            port: of the spectrometer.
            model: a key of `devices.drivers.ocean_network.MODELS`.
            has_lamp: the lamp is at the spectrometer's own output, and switched by it.
            timeout_s: for a reply, beyond the integration time.

        Raises:
            CommunicationError: nothing there answers like a spectrometer.
        """
        from .ocean_network import open_on_network, reopen, switch_obp_lamp  # noqa: PLC0415  # needs seabreeze

        instrument = open_on_network(host, port, model, timeout_s)
        driver = cls(instrument, settings, switch, reopen=reopen)
        if has_lamp:

            def at_its_output(on: bool) -> None:  # noqa: FBT001  # a switch has two positions
                what = f"switch the lamp {'on' if on else 'off'}"
                driver._lane.submit(what, lambda: driver._talk(lambda: switch_obp_lamp(instrument, on=on)))

            driver._switch = at_its_output
        return driver

    def close(self) -> None:
        """Lamp off, and end the connection."""
        try:
            if self._switch is not None:
                self.switch_lamp(on=False)
        finally:
            self.release()

    def release(self) -> None:
        """End the connection, and leave the lamp as it is."""
        self.abort_acquisition()
        self._lane.stop()
        self._instrument.close()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Whether it has a lamp that it can switch."""
        return frozenset({"lamp"} if self._switch is not None else ())

    @property
    def wavelength_nm(self) -> NDArray[np.float64]:
        """Its own calibration, shape [n_pixels], nm."""
        return self._wavelength_nm

    @property
    def is_lamp_on(self) -> bool:
        """As it was switched last."""
        return self._is_lamp_on

    @property
    def is_busy(self) -> bool:
        """Whether an acquisition runs or the lamp warms up."""
        self._lane.state  # raises what an acquisition failed with  # noqa: B018
        return self._lane.is_pending or time.monotonic() < self._steady_s

    @property
    def counts(self) -> NDArray[np.float64]:
        """Mean counts of the last acquisition, linearised, dark not taken off, shape [n_pixels]."""
        self._lane.state  # as above  # noqa: B018
        return self._counts

    @property
    def n_saturated(self) -> int:
        """Pixels of the last acquisition that were full in at least one exposure."""
        return self._n_saturated

    def start_acquisition(self, integration_s: float, n_averages: int) -> float:
        """Begin; returns the expected time, s.

        Raises:
            RefusedError: an acquisition runs, the lamp warms up, or the integration time is outside the limits.
        """
        what = f"{n_averages} exposures of {integration_s:g} s"
        low_s, high_s = self.limits_s
        if not (low_s <= integration_s <= high_s and n_averages >= 1):
            raise RefusedError(
                f"{self._lane.name}: {what}: it integrates {low_s:g} to {high_s:g} s, and at least one exposure"
            )
        if self._lane.is_pending or time.monotonic() < self._steady_s:
            raise RefusedError(f"{self._lane.name}: {what}: it acquires already, or its lamp warms up; wait for it")
        self._is_given_up = threading.Event()
        self._lane.submit(
            what, functools.partial(self._acquire, integration_s, n_averages, self._is_given_up), patience_s=0
        )
        return (n_averages + self.settings.n_discarded) * (integration_s + self.settings.read_out_s)

    def abort_acquisition(self) -> None:
        """Give up the running acquisition after the exposure that it is in; the last counts stay."""
        self._is_given_up.set()

    def switch_lamp(self, on: bool) -> float:  # noqa: FBT001  # a switch has two positions
        """Switch the lamp; returns the time until it is steady, s.

        Raises:
            RefusedError: it has no switch.
        """
        if self._switch is None:
            raise RefusedError(
                f"{self._lane.name}: switch the lamp {'on' if on else 'off'}: this driver was given no switch; do it by hand"
            )
        self._switch(on)
        if on and not self._is_lamp_on:
            self._steady_s = time.monotonic() + self.settings.warm_up_s
        elif not on:
            self._steady_s = 0.0
        self._is_lamp_on = on
        return max(self._steady_s - time.monotonic(), 0.0)

    def suggest_integration_s(self) -> float:
        """A better integration time for what was acquired last, s."""
        if self._integration_us is None:
            raise RefusedError(f"{self._lane.name}: suggest an integration time: acquire something first")
        return choose_integration_s(
            float(self._counts.max()) if self._n_saturated == 0 else self.saturation_counts,
            self.settings.dark_level_counts,
            self._integration_us * 1e-6,
            saturation_counts=self.saturation_counts,
            limits_s=self.limits_s,
        )

    def _acquire(self, integration_s: float, n_averages: int, is_given_up: threading.Event) -> None:
        integration_us = round(integration_s * 1e6)
        total = np.zeros(self._wavelength_nm.size)
        full = np.zeros(self._wavelength_nm.size, dtype=bool)
        n_discarded = 0
        if self._is_lost and self._reopen is not None:
            self._talk(lambda: self._reopen and self._reopen(self._instrument))
            self._integration_us = None
        self._is_lost = False
        if integration_us != self._integration_us:
            self._integration_us = None  # until it is done: it may fail half-way
            self._talk(lambda: self._instrument.integration_time_micros(integration_us))
            n_discarded = self.settings.n_discarded
        for i in range(n_discarded + n_averages):
            if is_given_up.is_set():
                return
            raw = self._spectrum(self._instrument.intensities, total.shape)
            self._integration_us = integration_us
            if i >= n_discarded:
                full |= raw >= self.saturation_counts
                total += linearise(raw, self.settings.dark_level_counts, self._nonlinearity)
        self._counts, self._n_saturated = total / n_averages, int(full.sum())

    def _coefficients(self) -> tuple[float, ...]:
        """Of the nonlinearity, looked at over all counts that there can be.

        Raises:
            CommunicationError: those in its memory are of no detector.
            RefusedError: those of the settings are not.
        """
        mine = self.settings.nonlinearity
        coefficients = _memory_of(self._instrument) if mine is None else mine
        levels = np.linspace(0.0, self.saturation_counts, 1000)
        try:
            linear = linearise(levels, self.settings.dark_level_counts, coefficients)
        except ValueError as error:
            linear, why = np.array([np.nan]), str(error)
        else:
            why = f"nonlinearity={coefficients}: not a number over the counts"
        if np.all(np.isfinite(linear)):
            return coefficients
        if mine is None:
            raise CommunicationError(
                f"spectrometer: in its memory {why}; give `nonlinearity` in its settings, [] for none"
            )
        raise RefusedError(f"spectrometer: {why}; correct `nonlinearity` in its settings, [] for none")

    def _spectrum(self, read: Callable[[], Any], shape: tuple[int, ...]) -> NDArray[np.float64]:
        raw = np.asarray(self._talk(read), dtype=np.float64)
        if raw.shape != shape or not np.all(np.isfinite(raw)):
            raise CommunicationError(f"a spectrum of {raw.shape} values where {shape} are due; look at its cable")
        return raw

    def _talk(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except DeviceError:
            raise
        except Exception as error:  # seabreeze raises its own, USB's and the system's
            self._is_lost = True
            raise CommunicationError(f"{error!r}; check its USB or its network, then switch it off and on") from error


def _memory_of(instrument: Any) -> tuple[float, ...]:
    """Coefficients of the nonlinearity that a seabreeze spectrometer holds; empty where its model holds none."""
    feature = instrument.f.nonlinearity_coefficients
    if feature is None:
        return ()
    try:
        return tuple(float(value) for value in feature.get_nonlinearity_coefficients())
    except Exception as error:  # seabreeze raises its own, USB's and the system's
        raise CommunicationError(
            f"spectrometer: read the nonlinearity in its memory: {error!r}; check its cable, or give `nonlinearity` in its "
            "settings, [] for none"
        ) from error
