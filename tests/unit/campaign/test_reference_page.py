"""The reference page of the campaign file says what the models say, row by row."""

from pathlib import Path
from typing import Any, get_origin

import pytest
from pydantic import BaseModel

from beamline.campaign import Campaign
from beamline.problems import bounds_text, unit_of
from beamline.problems.fields import is_pair, models_in, unwrapped

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "campaign-file.md"


def _tables(model: type[BaseModel], name: str = "") -> dict[str, type[BaseModel]]:
    """Every table of the file with its model; a target of the objective counts as one."""
    tables = {name: model}
    for key, field in model.model_fields.items():
        for child in models_in(unwrapped(field)):
            tables |= _tables(child, f"{name}.{key}" if name else key)
    return tables


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return f"`[{', '.join(f'{v:g}' for v in value)}]`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value:g}`"


def _row(key: str, model: type[BaseModel]) -> str:
    field = model.model_fields[key]
    inner = unwrapped(field)
    if inner.annotation in (int, float):
        given = f"[low, high], each {bounds_text(field)}" if is_pair(field) else bounds_text(field)
        if unit_of(field) is None and inner.annotation is int:
            given += " (whole)"
    elif inner.annotation is bool:
        given = "true or false"
    elif get_origin(inner.annotation) is not None:
        given = " or ".join(f'`"{word}"`' for word in inner.annotation.__args__)  # type: ignore[union-attr]  # a Literal
    else:
        given = "name" if inner.annotation is str else "clock time"
    default = "must be given" if field.is_required() else "-" if field.default is None else _value(field.default)
    return f"| `{key}` | {given} | {default} | {field.description or inner.description or ''} |"


ROWS = [
    (table, key, _row(key, model))
    for table, model in _tables(Campaign).items()
    for key, field in model.model_fields.items()
    if not list(models_in(unwrapped(field)))
]


@pytest.mark.parametrize(("table", "row"), [(t, r) for t, _, r in ROWS], ids=[f"{t}.{k}" for t, k, _ in ROWS])
def test_the_page_has_the_row_of_every_key_in_its_section(table: str, row: str) -> None:
    sections = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
    heading = (
        "`name`, `seed`"
        if not table
        else f"`[[{table}]]`"
        if table in {"glass", "coupon", "fault", "policy.rule"}
        else f"`[{table}]`"
    )
    [section] = [s for s in sections if s.startswith(heading)]
    assert row in section.splitlines()


def test_the_page_has_no_row_of_a_key_that_is_gone() -> None:
    rows = {line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")}
    assert rows == {row for _, _, row in ROWS}


if __name__ == "__main__":  # prints the rows for whoever changes a model
    for table, _, row in ROWS:
        print(f"{table:<28}{row}")  # noqa: T201  # its purpose
