"""Any model made of the project's words is explained: nested tables, unions, lists, tuples."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError, model_validator

from beamline.problems import InconsistentError, Problem, bounds_text, explain, ordinal, shown, unit_of
from beamline.recipe import Frozen, Observation, Recipe, quantity


class Port(Frozen):
    """A table of a file that is no campaign."""

    kind: Literal["tcp", "serial"] = "tcp"
    timeout_s: Annotated[float, quantity("s", "of one answer", gt=0, lt=10)] = 1.0
    rate_limit_C_min: Annotated[float | None, quantity("degC/min", ge=0.1)] = None


class Instrument(Frozen):
    """A file that is no campaign."""

    port: Port = Port()
    axes: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    lowest_C: Annotated[float, quantity("degC")] = 0.0
    highest_C: Annotated[float, quantity("degC")] = 1.0

    @model_validator(mode="after")
    def _in_order(self) -> "Instrument":
        if self.lowest_C > self.highest_C:
            raise InconsistentError(
                [
                    Problem("lowest_C", "is above highest_C"),
                    Problem("highest_C", "is below lowest_C", "1st furnace"),
                ]
            )
        return self


def _said(model: type[BaseModel], content: Any) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(content)
    return [str(problem) for problem in explain(refused.value, model)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"port": {"timeout_s": 0}}, "port.timeout_s: 0 s is too low; allowed: above 0 and below 10 s"),
        ({"port": {"timeout_s": 10.0}}, "port.timeout_s: 10 s is too high; allowed: above 0 and below 10 s"),
        (
            {"port": {"timeout_ms": 500}},
            "port.timeout_ms: unknown key (value 500); this is given in s: write timeout_s = 0.5",
        ),
        (
            {"port": {"timeout_ms": "x"}},
            'port.timeout_ms: unknown key (value "x"); this is given in s: write timeout_s',
        ),
        ({"port": {"timeout_m": 1}}, "port.timeout_m: unknown key (value 1); did you mean timeout_s?"),
        (
            {"port": {"rate_limit_F_h": 108}},
            "port.rate_limit_F_h: unknown key (value 108); this is given in degC/min: write rate_limit_C_min = 1",
        ),
        (
            {"port": {"rate_limit_C_min": 0}},
            "port.rate_limit_C_min: 0 degC/min is too low; allowed: at least 0.1 degC/min",
        ),
        ({"port": {"kind": "usb"}}, "port.kind: \"usb\" is not known here; allowed: 'tcp' or 'serial'"),
        ({"port": {"rate": 1}}, "port.rate: unknown key (value 1); did you mean rate_limit_C_min?"),
        ({"port": {"colour": 1}}, "port.colour: unknown key (value 1); known here: kind, timeout_s, rate_limit_C_min"),
        ({"timeout_s": 1}, "timeout_s: unknown key (value 1); it belongs into [port]"),
        (
            {"port": 3},
            "port: 3 is not a table; write port as a table of its own with kind, timeout_s, rate_limit_C_min",
        ),
        ({"axes": ["x", 3]}, "axes (2nd [[axes]]): 3 is not a text; put it in quotes"),
        ({"lowest_F": 212}, "lowest_F: unknown key (value 212); this is given in degC: write lowest_C = 100"),
        ({"lowest_C": "cold"}, 'lowest_C: "cold" is not a number; give a number, any finite number, in degC'),
    ],
)
def test_one_mistake(content: dict[str, Any], said: str) -> None:
    assert _said(Instrument, content) == [said]


def test_what_does_not_go_together_is_said_in_the_words_of_its_validator() -> None:
    assert _said(Instrument, {"lowest_C": 2}) == [
        "lowest_C: is above highest_C",
        "highest_C (1st furnace): is below lowest_C",
    ]


def test_the_kind_of_a_union_is_no_part_of_the_key() -> None:
    said = _said(Recipe, {"writing": {"mode": "dot", "exposure_s": -1, "pulse_energy_uJ": 5}})
    assert said == ["writing.exposure_s: -1 s is too low; allowed: above 0 and at most 60 s"]
    assert _said(Recipe, {"writing": {"mode": "spiral"}}) == [
        "writing: \"spiral\" is not known here; allowed: 'dot', 'line'"
    ]


def test_every_mistake_is_said_once() -> None:
    said = _said(Observation, {"heat_history": [{"temperature_C": 900, "duration_s": -1}, {"temperature_C": 900}]})
    assert said == [
        "site: is missing; give a table [site] with coupon, name, x_mm, y_mm",
        "glass: is missing; give a table [glass] with name, bromide, iodide",
        "writing: is missing; give a value",
        "heat_history.temperature_C (1st [[heat_history]]): 900 degC is too high; allowed: -20 to 700 degC",
        "heat_history.duration_s (1st [[heat_history]]): -1 s is too low; allowed: 0 to 1e+07 s",
        "heat_history.temperature_C (2nd [[heat_history]]): 900 degC is too high; allowed: -20 to 700 degC",
        "heat_history.duration_s (2nd [[heat_history]]): is missing; give a number, 0 to 1e+07 s",
        "outcome: is missing; give a value",
    ]


def test_bounds_and_units_of_a_field() -> None:
    fields = Port.model_fields
    assert (unit_of(fields["timeout_s"]), bounds_text(fields["timeout_s"])) == ("s", "above 0 and below 10 s")
    assert (unit_of(fields["rate_limit_C_min"]), bounds_text(fields["rate_limit_C_min"])) == (
        "degC/min",
        "at least 0.1 degC/min",
    )
    assert unit_of(fields["kind"]) is None
    assert unit_of(None) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (0.1 + 0.2, "0.3"),
        (10**30, "a number of 100 bits"),
        (-(10**30), "-a number of 100 bits"),
        ("tab\tand\x1b[31m", r'"tab\tand\x1b[31m"'),
        ("x" * 100, '"' + "x" * 56 + "..."),
        ([1, 2.5, "a"], '[1, 2.5, "a"]'),
        (list(range(20)), "[0, 1, 2, 3, 4, 5, 6, 7, ...]"),
        ({"a": 1}, "a table"),
        ({}, "an empty table"),
    ],
)
def test_a_value_is_shown_on_one_line(value: object, text: str) -> None:
    assert shown(value) == text


def test_ordinals() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 101, 111)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "101st", "111th",
    ]  # fmt: skip
