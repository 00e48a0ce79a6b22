"""The spectrometer with its excitation lamp as a Bluesky device: a trigger takes the mean of some exposures."""

from __future__ import annotations

from typing import Any

from ophyd import Component, Kind
from ophyd.status import StatusBase

from .protocols import SpectrometerDriver
from .role import Role
from .signals import Choice, Reading, SoftSetting

__all__ = ["Spectrometer"]


def _lamp(driver: SpectrometerDriver) -> str:
    return "on" if driver.is_lamp_on else "off"


def _switch_lamp(spectrometer: Spectrometer, state: str) -> float:
    return spectrometer.driver.switch_lamp(state == "on")


class Spectrometer(Role):
    """Set `integration_s` and `n_averages`, switch the `lamp` (on: photoluminescence; off: dark), trigger, read.

    The wavelength axis and what an analysis must know of the detector are configuration: they stand in the descriptor.
    """

    driver: SpectrometerDriver

    counts = Component(Reading, attr="counts", array=True, unit="counts")
    n_saturated = Component(Reading, attr="n_saturated", unit="pixels", kind=Kind.hinted)
    integration_s = Component(SoftSetting, value=0.2, limit="integration_s", unit="s")
    n_averages = Component(SoftSetting, value=10, limit="n_averages", integer=True, unit="exposures")
    lamp = Component(Choice, choices=("off", "on"), read=_lamp, command=_switch_lamp, kind=Kind.omitted)
    wavelength_nm = Component(Reading, attr="wavelength_nm", array=True, unit="nm", kind=Kind.config)
    saturation_counts = Component(Reading, attr="saturation_counts", unit="counts", kind=Kind.config)
    read_noise_counts = Component(Reading, attr="read_noise_counts", unit="counts", kind=Kind.config)
    gain_counts_per_electron = Component(
        Reading, attr="gain_counts_per_electron", unit="counts/electron", kind=Kind.config
    )

    def __init__(self, *, labels: set[str] | None = None, **kwargs: Any) -> None:
        super().__init__(labels=labels or {"detectors"}, **kwargs)

    def trigger(self) -> StatusBase:
        """Take `n_averages` exposures of `integration_s`; an acquisition that an abort left behind is given up first.

        Raises:
            RefusedError: the lamp still warms up.
        """
        self.stop(success=False)
        integration_s, n_averages = self.integration_s.position, round(self.n_averages.position)
        expected_s = self.driver.start_acquisition(integration_s, n_averages)
        return self.begin(
            f"{self.name}: {n_averages} exposures of {integration_s:g} s",
            lambda: not self.driver.is_busy,
            expected_s=expected_s,
        )

    def unstage(self) -> list[object]:
        """Give up a running acquisition, and switch the lamp off where that can be done."""
        self.stop(success=False)
        if "lamp" in self.capabilities:
            self.driver.switch_lamp(on=False)
        unstaged: list[object] = super().unstage()
        return unstaged

    def _bring_to_rest(self) -> None:
        self.driver.abort_acquisition()
