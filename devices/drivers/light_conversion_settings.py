"""What the driver of a Light Conversion laser must know of it: its address, and its attenuator's calibration."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from devices.errors import RefusedError

__all__ = ["LightConversionSettings"]


@dataclass(frozen=True)
class LightConversionSettings:
    """What the driver must know of the laser and its beam path.

    Attributes:
        host: address of the laser's computer.
        port: of the REST interface; 20022, 20018, 20020 or 20010, by model and age.
        calibration: (attenuator in percent, pulse energy before the optics in uJ), both rising; measured with a meter
            at the repetition rate of the amplifier that is in use, straight lines in between.
        transmission: power at the sample over the power that the laser states; 0: no power is given.
        numerical_aperture: of the objective.
        wavelength_nm: of the laser.
        settle_s: longest time that attenuator or pulse picker take.
        gate_sd_s: one sigma of what the output adds to a timed exposure beyond what is seen of the requests.
        poll_s: time between two polls.
        timeout_s: for one reply.
        stale_s: age above which a reading is not served.
        has_remote_interlock: whether `/Advanced/IsRemoteInterlockActive` exists.
    """

    host: str
    port: int
    calibration: tuple[tuple[float, float], ...]
    transmission: float
    numerical_aperture: float
    wavelength_nm: float = 1030.0
    settle_s: float = 3.0
    gate_sd_s: float = 0.002
    poll_s: float = 0.1
    timeout_s: float = 1.0
    stale_s: float = 2.0
    has_remote_interlock: bool = True

    def __post_init__(self) -> None:
        pairs = self.calibration
        if len(pairs) < 2 or any(b[0] <= a[0] or b[1] <= a[1] for a, b in itertools.pairwise(pairs)):
            raise ValueError(f"calibration={pairs}: at least two (percent, uJ), both rising")
        if not 0.0 <= self.transmission <= 1.0:
            raise ValueError(f"transmission={self.transmission}: a share from 0 to 1")

    def percent(self, pulse_energy_uJ: float) -> float:
        """Attenuator for a pulse energy, percent.

        Raises:
            RefusedError: outside the calibration.
        """
        low, high = self.calibration[0][1], self.calibration[-1][1]
        if not low <= pulse_energy_uJ <= high:
            raise RefusedError(
                f"{pulse_energy_uJ:g} uJ is outside the calibration of the attenuator, {low:g} to {high:g} uJ; ask for "
                "less, or calibrate further"
            )
        return _interpolate(pulse_energy_uJ, [(uJ, percent) for percent, uJ in self.calibration])

    def energy_uJ(self, percent: float) -> float:
        """Pulse energy of an attenuator position, uJ; beyond the calibration its last piece goes on."""
        return _interpolate(percent, list(self.calibration))


def _interpolate(x: float, table: list[tuple[float, float]]) -> float:
    i = next((i for i, (right, _) in enumerate(table[1:-1]) if x <= right), len(table) - 2)
    (x0, y0), (x1, y1) = table[i], table[i + 1]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
