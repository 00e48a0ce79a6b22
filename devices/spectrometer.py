"""The spectrometer with its excitation lamp as a Bluesky device: a trigger takes the mean of some exposures."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from ophyd import Component, Kind
from ophyd.status import StatusBase

from .checks import flag
from .detector import Detector
from .errors import DriftError, StuckError
from .protocols import LineLampDriver, SpectrometerDriver
from .signals import Reading
from .soft_signals import Choice, SoftSetting

__all__ = ["Spectrometer"]


def _lamp(driver: SpectrometerDriver) -> str:
    return "on" if flag("spectrometer_lamp", driver.is_lamp_on) else "off"


def _switch_lamp(spectrometer: Spectrometer, state: str) -> float:
    spectrometer.wanted_lamp = state
    return spectrometer.driver.switch_lamp(state == "on")


def _line_lamp(driver: SpectrometerDriver) -> str:
    if "line lamp" not in driver.capabilities:
        return "off"
    return "on" if flag("spectrometer_line_lamp", cast("LineLampDriver", driver).is_line_lamp_on) else "off"


def _switch_line_lamp(spectrometer: Spectrometer, state: str) -> float:
    spectrometer.require("line lamp", purpose=f"switching a lamp of known lines {state}")
    return cast("LineLampDriver", spectrometer.driver).switch_line_lamp(state == "on")


class Spectrometer(Detector):
    """Set `integration_s` and `n_averages`, switch the `lamp` (on: photoluminescence; off: dark), trigger, read.

    The wavelength axis and what an analysis must know of the detector are configuration: they stand in the descriptor.
    """

    driver: SpectrometerDriver
    advice = "check the spectrometer's cable and power, and take the spectrum anew"
    baseline_band_counts = 1000.0
    """How far the darkest hundredth of the pixels may move between two acquisitions with the same settings, counts."""

    counts = Component(
        Reading,
        attr="counts",
        array=True,
        unit="counts",
        plausible=(-1e6, 1e9),
        doc="raw mean counts of the exposures, dark not taken off",
    )
    n_saturated = Component(
        Reading,
        attr="n_saturated",
        unit="pixels",
        plausible=(0.0, 1e7),
        kind=Kind.hinted,
        doc="full in at least one of the exposures",
    )
    integration_s = Component(SoftSetting, value=0.2, limit="integration_s", unit="s", doc="of one exposure")
    n_averages = Component(
        SoftSetting,
        value=10,
        limit="n_averages",
        integer=True,
        unit="exposures",
        doc="exposures in the mean, whole numbers",
    )
    lamp = Component(
        Choice,
        choices=("off", "on"),
        read=_lamp,
        command=_switch_lamp,
        kind=Kind.omitted,
        doc="365 nm, excites the luminescence; steady after a second",
    )
    line_lamp = Component(
        Choice,
        choices=("off", "on"),
        read=_line_lamp,
        command=_switch_line_lamp,
        kind=Kind.omitted,
        doc="lines of known wavelengths, to calibrate the axis",
    )
    wavelength_nm = Component(
        Reading, attr="wavelength_nm", array=True, unit="nm", kind=Kind.config, doc="of each pixel"
    )
    saturation_counts = Component(
        Reading, attr="saturation_counts", unit="counts", kind=Kind.config, doc="a full pixel"
    )
    read_noise_counts = Component(
        Reading, attr="read_noise_counts", unit="counts", kind=Kind.config, doc="one sigma of an exposure"
    )
    gain_counts_per_electron = Component(
        Reading, attr="gain_counts_per_electron", unit="counts/electron", kind=Kind.config, doc="counts for an electron"
    )

    def __init__(self, *, labels: set[str] | None = None, **kwargs: Any) -> None:
        super().__init__(labels=labels or {"detectors"}, **kwargs)
        self.wanted_lamp: str | None = None
        self._baselines: dict[tuple[float, int, str], float] = {}
        self._last_counts: NDArray[np.float64] | None = None

    def trigger(self) -> StatusBase:
        """Take `n_averages` exposures of `integration_s`; an acquisition that an abort left behind is given up first.

        Raises:
            RefusedError: the lamp still warms up.
            DriftError: the lamp is not what it was switched to.
        """
        self.end_in_flight(success=False)
        integration_s, n_averages = self.integration_s.position, round(self.n_averages.position)
        what = f"{self.name}: {n_averages} exposures of {integration_s:g} s"
        lamp = self.lamp.get()
        if self.wanted_lamp not in {None, lamp}:
            raise DriftError(
                f"{what}: the lamp is {lamp}, it was switched {self.wanted_lamp}; the device may have restarted; {self.advice}"
            )
        expected_s = self.driver.start_acquisition(integration_s, n_averages)

        return self.acquire(
            what,
            expected_s,
            check=lambda: self._check_frame(what, (integration_s, n_averages, lamp)),
            idle="it does not run",
        )

    def expect_other_light(self) -> None:
        """A lamp that no driver switches is brought or taken away: the darkest pixels may read otherwise from now on."""
        self._baselines.clear()

    def forget(self) -> None:
        """The lamp and the detector may be in any state."""
        super().forget()
        self.wanted_lamp = self._last_counts = None
        self._baselines.clear()

    def _check_frame(self, what: str, settings: tuple[float, int, str]) -> None:
        """Raise what is wrong with the counts as a whole: frozen, or the dark level has moved."""
        counts = self.counts.get()
        last, self._last_counts = self._last_counts, counts
        noise = float(np.median(np.abs(np.diff(counts, 2))))
        if (
            last is not None
            and noise > 0.1 * self.driver.read_noise_counts / settings[1] ** 0.5
            and (counts == last).all()
        ):
            raise StuckError(f"{what}: the same counts to the last bit as before, and noise is never so; {self.advice}")
        baseline = float(np.percentile(counts, 1.0))
        first = self._baselines.setdefault(settings, baseline)
        if abs(baseline - first) > self.baseline_band_counts:
            raise DriftError(
                f"{what}: the darkest pixels read {baseline:.0f} counts, the first time {first:.0f} counts (allowed: "
                f"{self.baseline_band_counts:g} counts); look for stray light and at the detector's cooling; {self.advice}"
            )

    def unstage(self) -> list[object]:
        """Give up a running acquisition, and switch the lamp off where that can be done."""
        self.stop(success=False)  # forgets: from here on the lamp is nobody's
        if "lamp" in self.capabilities:
            self.driver.switch_lamp(on=False)
        if "line lamp" in self.capabilities:
            cast("LineLampDriver", self.driver).switch_line_lamp(on=False)
        unstaged: list[object] = super().unstage()
        return unstaged

    def _bring_to_rest(self) -> None:
        self.driver.abort_acquisition()
