"""The words of the project: round trips, refusals, units."""

import itertools
import math
import tomllib
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from strategies import words

from beamline import recipe
from beamline.recipe import (
    Band,
    Coupon,
    Dot,
    Frozen,
    Glass,
    HeatTreatment,
    Line,
    Luminescence,
    Measurement,
    NoLuminescence,
    Observation,
    Recipe,
    Site,
    Suggestion,
    as_plain,
)

WORDS = sorted(
    (
        w
        for w in vars(recipe).values()
        if isinstance(w, type) and issubclass(w, Frozen) and w.__name__ in recipe.__all__
    ),
    key=lambda w: w.__name__,
)
PUBLIC = [w for w in WORDS if w is not Frozen]


def test_every_word_is_covered() -> None:
    assert {Dot, Line, Suggestion, Observation, Measurement} <= set(PUBLIC)
    assert len(PUBLIC) == 21


# ------------------------------------------------------------------------------------------------------ round trips
@pytest.mark.parametrize("word", PUBLIC, ids=lambda w: w.__name__)
@given(data=st.data())
def test_json_and_toml_give_the_same_word_again(word: type[Frozen], data: st.DataObject) -> None:
    made = data.draw(words(word))
    from_json, from_toml, from_document = (
        word.from_json(made.to_json()),
        word.from_toml(made.to_toml()),
        word.model_validate(as_plain(made)),
    )
    assert from_json == from_toml == from_document == made
    assert hash(from_json) == hash(made)
    assert from_toml.to_json() == made.to_json()  # equal words give equal text


@given(made=words(Coupon))
def test_a_word_cannot_be_changed(made: Coupon) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        made.serial = "other"  # type: ignore[misc]  # the point of the test


# --------------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("word", "key", "value", "kind"),
    [
        (Dot, "pulse_energy_uJ", -5.0, "greater_than_equal"),
        (Dot, "pulse_energy_uJ", 401.0, "less_than_equal"),
        (Dot, "exposure_s", 0.0, "greater_than"),
        (Dot, "exposure_s", "1 s", "float_type"),
        (Dot, "n_passes", 1.5, "int_type"),
        (Dot, "n_passes", True, "int_type"),
        (Line, "speed_mm_s", 3.1, "less_than_equal"),
        (Line, "speed_mm_s", math.nan, "finite_number"),
        (HeatTreatment, "temperature_C", 600.0, "less_than_equal"),
        (HeatTreatment, "temperature_C", 199.0, "greater_than_equal"),
        (HeatTreatment, "hold_s", math.inf, "finite_number"),
        (HeatTreatment, "hold_s", -1.0, "greater_than_equal"),
        (Measurement, "integration_s", False, "float_type"),
        (Coupon, "serial", "../etc/passwd", "string_pattern_mismatch"),
        (Coupon, "serial", "a\n", "string_pattern_mismatch"),
        (Coupon, "serial", "x" * 33, "string_pattern_mismatch"),
        (Coupon, "serial", "", "string_pattern_mismatch"),
        (Site, "x_mm", -0.001, "greater_than_equal"),
        (NoLuminescence, "rate_limit_counts_s", math.nan, "finite_number"),
    ],
)
def test_a_value_out_of_bounds_is_refused(word: type[Frozen], key: str, value: Any, kind: str) -> None:
    good = GOOD[word]
    word.model_validate(good)
    with pytest.raises(ValidationError) as refused:
        word.model_validate(good | {key: value})
    assert [(d["loc"], d["type"]) for d in refused.value.errors()] == [((key,), kind)]


BRI = {"name": "BrI", "bromide": 1.5, "iodide": 1.5}
GOOD: dict[type[Frozen], dict[str, Any]] = {
    Dot: {"pulse_energy_uJ": 200, "exposure_s": 5},
    Line: {"pulse_energy_uJ": 200, "speed_mm_s": 0.4},
    HeatTreatment: {"temperature_C": 450, "hold_s": 3600},
    Measurement: {},
    Coupon: {"serial": "C-01", "glass": BRI},
    Site: {"coupon": "C-01", "name": "A1", "x_mm": 1, "y_mm": 2},
    NoLuminescence: {"rate_limit_counts_s": 3.0},
}


@pytest.mark.parametrize("word", GOOD, ids=lambda w: w.__name__)
def test_an_unknown_key_is_refused(word: type[Frozen]) -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        word.model_validate(GOOD[word] | {"pulse_energy_mJ": 1})


def test_a_glass_without_halide_is_refused() -> None:
    with pytest.raises(ValidationError, match="holds no halide"):
        Glass(name="blank", bromide=0, iodide=0)


def test_two_bands_of_one_phase_are_refused() -> None:
    band = Band(
        phase="red", peak_eV=2, peak_sd_eV=0.01, fwhm_eV=0.1, fwhm_sd_eV=0.01, rate_counts_s=1, rate_sd_counts_s=1
    )
    with pytest.raises(ValidationError, match="two bands of one phase"):
        Luminescence(bands=(band, band), rate_limit_counts_s=1, reduced_chi2=1)


def test_a_suggestion_needs_a_site() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        Suggestion(
            suggestion_id="1",
            coupon=Coupon.model_validate(GOOD[Coupon]),
            heat_treatment=HeatTreatment(temperature_C=450, hold_s=0),
            sites=(),
            reason="none",
        )


def test_text_that_is_not_toml_is_refused() -> None:
    with pytest.raises(tomllib.TOMLDecodeError):
        Recipe.from_toml("writing = ")


# ------------------------------------------------------------------------------------------------------ what they say
@given(glass=words(Glass))
def test_iodide_fraction_is_a_share(glass: Glass) -> None:
    assert 0 <= glass.iodide_fraction <= 1


@given(treatment=words(HeatTreatment, ramp_C_min=st.floats(0.1, 20)), pieces=st.integers(1, 20))
def test_heat_steps_last_as_long_as_the_programme_and_stay_between_its_temperatures(
    treatment: HeatTreatment, pieces: int
) -> None:
    steps = treatment.steps(pieces_per_ramp=pieces)
    ramp_s = (treatment.temperature_C - recipe.ROOM_TEMPERATURE_C) / treatment.ramp_C_min * 60
    assert math.isclose(sum(s.duration_s for s in steps), treatment.hold_s + 2 * ramp_s, rel_tol=1e-9)
    temperatures = [s.temperature_C for s in steps]
    assert max(temperatures) == treatment.temperature_C == temperatures[pieces]
    assert temperatures == temperatures[::-1]
    assert all(a < b for a, b in itertools.pairwise(temperatures[: pieces + 1]))


def test_peak_in_nm_is_the_one_in_eV() -> None:
    band = Band(
        phase="red", peak_eV=2.0225, peak_sd_eV=0.001, fwhm_eV=0.1, fwhm_sd_eV=0.01, rate_counts_s=1, rate_sd_counts_s=1
    )
    assert band.peak_nm == pytest.approx(613.02, abs=0.01)  # P14
    shifted = band.model_copy(update={"peak_eV": band.peak_eV + band.peak_sd_eV})
    assert band.peak_sd_nm == pytest.approx(band.peak_nm - shifted.peak_nm, rel=1e-3)


def test_recipes_of_a_suggestion_share_the_heat_treatment() -> None:
    treatment = HeatTreatment(temperature_C=450, hold_s=3600)
    sites = [
        {
            "suggestion_id": f"s{i}",
            "site": {"coupon": "C-01", "name": f"A{i}", "x_mm": i, "y_mm": 1},
            "writing": {"mode": "line", "pulse_energy_uJ": 100 + i, "speed_mm_s": 0.4},
            "p_in_specification": 0.5,
            "reason": "test",
        }
        for i in (1, 2)
    ]
    made = Suggestion.model_validate(
        {
            "suggestion_id": "s",
            "coupon": GOOD[Coupon],
            "heat_treatment": treatment,
            "sites": sites,
            "reason": "test",
        }
    )
    recipes = made.recipes()
    assert list(recipes) == ["A1", "A2"]
    assert {r.heat_treatment for r in recipes.values()} == {treatment}
    assert [r.writing.pulse_energy_uJ for r in recipes.values()] == [101, 102]


# ------------------------------------------------------------------------------------------------------------- units
UNIT_OF_ENDING = {
    "uJ": "uJ",
    "mm": "mm",
    "s": "s",
    "mm_s": "mm/s",
    "kHz": "kHz",
    "C": "degC",
    "C_min": "degC/min",
    "eV": "eV",
    "counts_s": "counts/s",
    "W": "W",
    "ns": "ns",
    "percent": "%",
    "counts": "photons",
    "photons": "photons",
}
WITHOUT_UNIT_IN_NAME = {"bromide", "iodide", "reduced_chi2", "mean", "sd", "p_in_specification", "acquisition"}


def _numbers() -> list[tuple[str, str, FieldInfo]]:
    return [
        (word.__name__, name, inner)
        for word in PUBLIC
        for name, field in word.model_fields.items()
        for inner in _inner(field)
        if inner.annotation is float
    ]


def _inner(field: FieldInfo) -> list[FieldInfo]:
    if field.annotation is float:
        return [field]
    return [
        FieldInfo.from_annotation(a)
        for a in get_args(field.annotation)
        if a is not type(None) and not (isinstance(a, type) and issubclass(a, BaseModel)) and get_origin(a) is not tuple
    ]


@pytest.mark.parametrize(("word", "name", "field"), _numbers(), ids=lambda x: x if isinstance(x, str) else "")
def test_the_unit_in_the_name_is_the_unit_in_the_metadata(word: str, name: str, field: FieldInfo) -> None:
    endings = ["_".join(name.split("_")[i:]) for i in range(1, len(name.split("_")))]
    ending = next((e for e in endings if e in UNIT_OF_ENDING), None)
    if ending is None:
        assert name in WITHOUT_UNIT_IN_NAME, f"{word}.{name} carries no unit in its name"
    if name == "acquisition":  # the acquisition function's own number
        return
    extra = field.json_schema_extra
    assert isinstance(extra, dict), f"{word}.{name} has no unit in its metadata"
    if ending is not None:
        assert extra["unit"] == UNIT_OF_ENDING[ending]


def test_every_float_was_looked_at() -> None:
    assert len(_numbers()) > 30
