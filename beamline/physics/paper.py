"""The facts of the paper, by id: Xiao et al., Laser & Photonics Reviews, DOI 10.1002/lpor.202401258.

Where the paper's text gives no number there is none here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DOI", "FACTS", "Fact"]

DOI: Final = "10.1002/lpor.202401258"


@dataclass(frozen=True, slots=True)
class Fact:
    """A statement of the paper.

    Attributes:
        id: "P1" to "P34".
        about: what was observed or set.
        says: the value, in words.
        values: the numbers in it, by what they are, with the unit in the name; empty where the text gives none.
    """

    id: str
    about: str
    says: str
    values: dict[str, float]


def _fact(number: int, about: str, says: str, **values: float) -> Fact:
    return Fact(f"P{number}", about, says, values)


_FACTS: Final = (
    _fact(
        1,
        "Laser",
        "1030 nm, 300 fs, 10 kHz; focus 0.2 mm below the surface",
        wavelength_nm=1030.0,
        pulse_duration_fs=300.0,
        repetition_rate_kHz=10.0,
        depth_mm=0.2,
    ),
    _fact(
        2,
        "Settings after optimisation",
        "200 uJ, 10 kHz, average power 500 mW, 0.4 mm/s",
        pulse_energy_uJ=200.0,
        power_W=0.5,
        speed_mm_s=0.4,
    ),
    _fact(3, "P2 contradicts itself", "200 uJ x 10 kHz = 2 W, not 500 mW; a transmission of 0.25 reconciles them"),
    _fact(4, "Glasses", "pure Br, Br&I (1.5:1.5), pure I"),
    _fact(5, "Heat treatment", "200-550 degC; hold and ramp are not given", low_C=200.0, high_C=550.0),
    _fact(6, "Excitation of images and PL", "365 nm", wavelength_nm=365.0),
    _fact(10, "XRD after 500 degC without laser", "amorphous"),
    _fact(11, "Dots below 1 s exposure", "no luminescence", exposure_s=1.0),
    _fact(12, "Dots: size and PL", "grow with pulse energy and with exposure time"),
    _fact(13, "Lines: width and PL", "fall as the speed rises; grow with pulse energy"),
    _fact(14, "Br&I as written: PL peaks", "514 nm and 613 nm", green_nm=514.0, red_nm=613.0),
    _fact(15, "Br&I as written: bleach", "508 nm and 607 nm", green_nm=508.0, red_nm=607.0),
    _fact(16, "Br&I average lifetimes", "28.89 ns and 35.97 ns", green_ns=28.89, red_ns=35.97),
    _fact(17, "Mean diameters by TEM", "3.77 nm and 5.80 nm", green_nm=3.77, red_nm=5.80),
    _fact(18, "Lattice spacings", "2.65 A (CsPbBr3 (210)), 2.12 A (mixed (220))", d210_A=2.65, d220_A=2.12),
    _fact(19, "XRD, pure Br", "21.6 deg (110), 30.6 deg (200)", two_theta_110_deg=21.6, two_theta_200_deg=30.6),
    _fact(20, "XRD, pure I", "28.9 deg (200)", two_theta_200_deg=28.9),
    _fact(21, "XRD, Br&I", "21.6 deg and 29.7 deg", two_theta_110_deg=21.6, two_theta_200_deg=29.7),
    _fact(
        22,
        "Raman",
        "pure Br 72 and 122 1/cm; pure I 96 1/cm; Br&I 94 and 123 1/cm",
        Br_low_1_cm=72.0,
        Br_high_1_cm=122.0,
        I_1_cm=96.0,
        mixed_low_1_cm=94.0,
        mixed_high_1_cm=123.0,
    ),
    _fact(23, "Pure Br, 200-550 degC", "PL rises gradually; red-shift of only 2 nm", shift_nm=2.0),
    _fact(24, "Br&I, 200 to 550 degC: red peak", "613 to 647 nm", low_nm=613.0, high_nm=647.0),
    _fact(25, "Br&I: red against green", "green above red at low temperature; red gains at high temperature"),
    _fact(
        26,
        "Pure I: lifetime",
        "120 ns as written, about 2000 ns after 200-450 degC, 153 ns after 550 degC",
        as_written_ns=120.0,
        quenched_ns=2000.0,
        hot_ns=153.0,
    ),
    _fact(27, "Pure I: PL after 200-450 degC", "quenched"),
    _fact(28, "Pure I: PL after 550 degC", "about 3 times as written", gain=3.0),
    _fact(
        29,
        "Pure I: I/Pb by XPS",
        "3.01 as written, 2.97 after 200 degC, 3.07 after 550 degC",
        as_written=3.01,
        low=2.97,
        high=3.07,
    ),
    _fact(30, "Exciton binding energy, pure Br", "rises with temperature"),
    _fact(31, "Exciton binding energy, pure I", "falls at low, rises at high temperature"),
    _fact(32, "Rewriting Br&I", "red peak 613 to 655 nm, red strongly enhanced", before_nm=613.0, after_nm=655.0),
    _fact(33, "QR code in Br&I", "invisible by day; green-red under UV; red after rewriting"),
    _fact(34, "Letter E, part rewritten", "E under UV, F through a 645 nm filter", filter_nm=645.0),
)

FACTS: Final[dict[str, Fact]] = {fact.id: fact for fact in _FACTS}
"""All facts by id; ids 7 to 9 do not exist."""
