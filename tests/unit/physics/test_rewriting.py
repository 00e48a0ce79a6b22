"""Passes one after the other: over what the one before left, with other settings, of another kind, after an anneal."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.physics import (
    OBSERVABLE_UNITS,
    SettingError,
    draw,
    heat,
    make_settings,
    nominal,
    observe,
    rewrite,
    state_dtype,
    write,
)
from beamline.physics.reference import reference_predict

Array = npt.NDArray[Any]

DRAWS = np.concatenate([nominal(), draw(np.random.default_rng(7), 4)])
AS_WRITTEN = np.zeros((0, 2))


def one(*, y: float = 0.5, energy: float = 200.0, n: int = 1, **pace: float) -> Array:
    return make_settings(iodide_fraction=y, pulse_energy_uJ=energy, n_passes=n, **pace)


@st.composite
def any_pass(draw_from: Any) -> dict[str, float]:
    energy = draw_from(st.floats(10.0, 400.0))
    if draw_from(st.booleans()):
        return {"energy": energy, "speed_mm_s": draw_from(st.floats(0.05, 3.0))}
    return {"energy": energy, "exposure_s": draw_from(st.floats(0.1, 20.0))}


def same(found: Array, expected: Array, rtol: float) -> None:
    for name in state_dtype.names or ():
        np.testing.assert_allclose(found[name], expected[name], rtol=rtol, atol=1e-300, err_msg=name)


@given(any_pass(), st.integers(2, 10))
def test_many_passes_are_the_same_pass_again_and_again(setting: dict[str, float], n: int) -> None:
    states = write(one(**setting), DRAWS)
    for _ in range(n - 1):
        states = rewrite(states, one(**setting), DRAWS)
    same(states, write(one(**setting, n=n), DRAWS), 1e-12)


@given(any_pass(), st.integers(1, 4), st.integers(1, 4))
def test_passes_may_be_cut_anywhere(setting: dict[str, float], first: int, then: int) -> None:
    in_two = rewrite(write(one(**setting, n=first), DRAWS), one(**setting, n=then), DRAWS)
    same(in_two, write(one(**setting, n=first + then), DRAWS), 1e-12)


@given(st.lists(any_pass(), min_size=2, max_size=4), st.floats(0.0, 1.0), st.integers(0, 4))
def test_sequences_go_the_same_in_the_plain_reference(sequence: list[dict[str, float]], y: float, which: int) -> None:
    """Lines on lines, dots on dots, and either on the other."""
    parameters = DRAWS[which : which + 1]
    settings = [one(**setting, y=y) for setting in sequence]
    states = write(settings[0], parameters)
    for setting in settings[1:]:
        states = rewrite(states, setting, parameters)
    fast = observe(states, parameters)
    plain = reference_predict(settings[-1], AS_WRITTEN, parameters, earlier=settings[:-1])
    for name in OBSERVABLE_UNITS:
        np.testing.assert_allclose(fast[name], plain[name], rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"speed_mm_s": 0.4}, {"speed_mm_s": 0.9, "energy": 150.0}),
        ({"exposure_s": 2.0}, {"exposure_s": 4.0, "energy": 120.0}),
    ],
)
def test_doses_of_one_kind_do_not_care_about_the_order(first: dict[str, float], second: dict[str, float]) -> None:
    """At a gain of 1; voids, healing and doses are those of both."""
    there = rewrite(write(one(**first), nominal()), one(**second), nominal())
    back = rewrite(write(one(**second), nominal()), one(**first), nominal())
    for name in ("crystal_amount", "red_share", "red_iodide_fraction", "size_um", "void_share", "red_balance"):
        np.testing.assert_allclose(there[name], back[name], rtol=1e-12, err_msg=name)


def test_a_second_line_reddens_the_more_the_slower_it_is() -> None:
    """P32: and a fast and weak second pass hardly does."""
    m = 12
    line = one(speed_mm_s=0.4)
    states = np.repeat(write(line, DRAWS), m, axis=1)
    second = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=np.geomspace(3.0, 0.3, m))
    peak_eV = observe(rewrite(states, second, DRAWS), DRAWS)["red_peak_eV"]
    assert (np.diff(peak_eV, axis=1) < 0.0).all()
    assert (peak_eV < observe(states, DRAWS)["red_peak_eV"]).all()


def test_a_pass_below_the_threshold_leaves_what_is_there() -> None:
    states = heat(write(one(speed_mm_s=0.4), DRAWS), [[500.0, 3600.0]], DRAWS)
    same(rewrite(states, one(energy=0.1, exposure_s=10.0), DRAWS), states, 0.0)


def test_dots_and_lines_over_each_other_add_to_each_other() -> None:
    dot, line = one(exposure_s=3.0), one(speed_mm_s=0.8)
    for first, second in ((dot, line), (line, dot)):
        both = rewrite(write(first, DRAWS), second, DRAWS)
        alone = write(second, DRAWS)
        assert (both["nucleation_dose"] > alone["nucleation_dose"]).all()
        assert (both["size_um"] >= alone["size_um"] * (1 - 1e-3)).all()
        assert (both["n_passes"] == 2).all()


def test_a_trace_of_the_other_kind_changes_next_to_nothing() -> None:
    """The seam between dots and lines is continuous: what is hardly there hardly matters, but for the grid."""
    dot, line = one(exposure_s=3.0), one(speed_mm_s=0.8)
    brief, fast = one(energy=200.0, exposure_s=1e-4), one(energy=40.0, speed_mm_s=3.0)
    for trace, second in ((brief, line), (fast, dot)):
        both, alone = (rewrite(write(trace, nominal()), second, nominal()), write(second, nominal()))
        assert both["crystal_amount"] == pytest.approx(alone["crystal_amount"], rel=0.02)
        assert both["red_share"] == pytest.approx(alone["red_share"], rel=0.05)


def test_what_the_furnace_did_stays_with_the_crystals_of_before() -> None:
    steps = [[500.0, 7200.0]]
    annealed = heat(write(one(speed_mm_s=0.4), DRAWS), steps, DRAWS)
    faint = rewrite(annealed, one(energy=20.0, speed_mm_s=3.0), DRAWS)
    strong = rewrite(annealed, one(speed_mm_s=0.05, n=5), DRAWS)
    np.testing.assert_allclose(faint["exchange_time"], annealed["exchange_time"], rtol=1e-3)
    assert (strong["exchange_time"] <= annealed["exchange_time"]).all()
    fresh = rewrite(write(one(speed_mm_s=2.0), DRAWS), one(speed_mm_s=0.4), DRAWS)
    hardly = rewrite(heat(write(one(speed_mm_s=2.0), DRAWS), steps, DRAWS), one(speed_mm_s=0.4), DRAWS)
    kept = hardly["exchange_time"] / annealed["exchange_time"]
    assert (kept < 1.0).all()
    np.testing.assert_allclose(
        hardly["red_balance"] - fresh["red_balance"],
        kept[..., np.newaxis] * (heat(write(one(speed_mm_s=2.0), DRAWS), steps, DRAWS)["red_balance"]
                                 - write(one(speed_mm_s=2.0), DRAWS)["red_balance"]),
        atol=1e-12,
    )  # fmt: skip


def test_what_cannot_be_rewritten_is_refused() -> None:
    states = write(one(speed_mm_s=0.4, n=8), DRAWS)
    with pytest.raises(ValueError, match=r"n_passes=3 in setting 0 make 11 passes over one place; .* 1 to 10 passes"):
        rewrite(states, one(speed_mm_s=0.4, n=3), DRAWS)
    with pytest.raises(ValueError, match=r"iodide_fraction=0.25, its state 0.5"):
        rewrite(states, one(y=0.25, speed_mm_s=0.4), DRAWS)
    with pytest.raises(ValueError, match="2 settings for 1 columns"):
        rewrite(states, np.repeat(one(speed_mm_s=0.4), 2), DRAWS)
    with pytest.raises(ValueError, match="5 parameter sets"):
        rewrite(states[:1], one(speed_mm_s=0.4), DRAWS)
    bad = one(speed_mm_s=0.4)
    bad["speed_mm_s"] = 4.0
    with pytest.raises(SettingError, match=r"speed_mm_s=4\.0 in setting 0 is outside"):
        rewrite(states, bad, DRAWS)
