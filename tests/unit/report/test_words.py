import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.report.words import number, plus_minus, probability


@pytest.mark.parametrize(
    ("value", "sd", "unit", "text"),
    [
        (629.283, 0.742, "nm", "629.28 ± 0.74 nm"),
        (134.2, 27.3, "", "134 ± 27"),
        (5.9543e6, 1.5026e5, "counts/s", "(5.95 ± 0.15)·10⁶ counts/s"),
        (0.0136, 0.0048, "1/s", "0.0136 ± 0.0048 1/s"),
        (2.1e-5, 4e-6, "", "(2.10 ± 0.40)·10⁻⁵"),
        (0.0, 3.0, "", "0.0 ± 3.0"),
        (-12.0, 150.0, "nm", "-12 ± 150 nm"),
        (4.25, 0.0, "nm", "4.25 nm"),
        (math.nan, 1.0, "nm", "–"),
    ],
)
def test_as_many_digits_as_the_uncertainty_allows(value: float, sd: float, unit: str, text: str) -> None:
    assert plus_minus(value, sd, unit) == text


@given(st.floats(-1e12, 1e12), st.floats(1e-9, 1e9))
def test_what_is_shown_is_the_number_within_a_tenth_of_its_uncertainty(value: float, sd: float) -> None:
    text = plus_minus(value, sd).translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    body, _, power = text.strip("(").partition(")·10")
    shown, shown_sd = (float(part) * 10.0 ** int(power or 0) for part in body.split(" ± "))
    assert shown == pytest.approx(value, abs=0.1 * sd, rel=1e-12)
    assert shown_sd == pytest.approx(sd, rel=0.06)


def test_a_bare_number_has_significant_digits() -> None:
    assert [number(8103.0), number(742100.0), number(0.25), number(0.0)] == ["8103", "7.421·10⁵", "0.25", "0"]


def test_a_probability_is_never_more_certain_than_its_draws() -> None:
    shown = [probability(p) for p in (1.0, 0.932292, 0.975, 0.4, 0.0)]
    assert shown == ["P > 0.999", "P = 0.93", "P = 0.975", "P = 0.40", "P < 0.001"]
