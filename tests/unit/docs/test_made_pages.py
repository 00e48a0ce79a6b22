"""Pages that are made from the code are as the code is, and the code says what they need."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(autouse=True)
def generators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS / "generate"))


def made(module: str) -> Any:
    return importlib.import_module(module)


@pytest.mark.parametrize("name", ["documents", "errors", "plans", "signals"])
def test_a_page_is_as_the_code_is(name: str) -> None:
    page = (DOCS / "reference" / f"{name}.md").read_text(encoding="utf-8")
    assert page == made("pages").PAGES[name](), f"write it anew: python docs/generate {name}"


def test_every_page_that_can_be_made_is_looked_at_here() -> None:
    (mark,) = test_a_page_is_as_the_code_is.pytestmark
    assert sorted({*mark.args[1], "commands"}) == sorted(made("pages").PAGES)  # that one with the commands


def test_every_error_says_what_it_means_and_what_to_do() -> None:
    errors_page = made("errors_page")
    classes = [one for one in errors_page.error_classes() if not one.name.startswith("_")]
    assert {"DeviceError", "CampaignFileError", "NotSafeError"} <= {one.name for one in classes}
    silent = [one.name for one in classes if one.name not in errors_page.INTERNAL and not (one.means and one.to_do)]
    assert silent == [], 'add a paragraph "To do: ..." to the docstring of the class'
    assert set(errors_page.INTERNAL) <= {one.name for one in classes}


def test_every_plan_says_how_long_it_takes() -> None:
    plans_page = made("plans_page")
    assert [name for name, plan in plans_page.plan_functions().items() if not plans_page.duration_of(plan)] == []


def test_every_signal_says_what_it_is() -> None:
    page = (DOCS / "reference" / "signals.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", page, re.MULTILINE)
    assert len(rows) > 50
    assert [name for name, about in rows if not about or about.startswith("None")] == []


def test_the_page_of_records_names_every_key_of_a_night() -> None:
    schema = (DOCS / "reference" / "documents.md").read_text(encoding="utf-8").partition("## Words")[0]
    of_a_night = schema.partition("## campaign\n")[2].partition("## map\n")[0]
    keys = set(re.findall(r"^\| `(\w+)` \|", of_a_night, re.MULTILINE))
    assert {"planned", "verdict", "laser_pulses_delivered"} <= keys
    records = (DOCS / "reference" / "records.md").read_text(encoding="utf-8")
    assert sorted(key for key in keys if f"`{key}`" not in records) == []
