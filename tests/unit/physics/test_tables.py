"""The tables in the explanation pages are those of the code. `python tests/unit/physics/test_tables.py` renews them."""

import re
from pathlib import Path

import pytest

from beamline.physics.comparison import compare
from beamline.physics.tables import comparison_table, fact_table, parameter_table

PAGES = Path(__file__).parents[3] / "docs" / "explanation"
TABLES = {
    "facts": ("paper.md", fact_table),
    "parameters": ("physics.md", parameter_table),
    "comparison": ("physics.md", lambda: comparison_table(compare())),
}


def between(text: str, name: str) -> re.Match[str]:
    found = re.search(f"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", text, re.DOTALL)
    assert found is not None, name
    return found


@pytest.mark.parametrize("name", TABLES)
def test_the_page_shows_the_table_of_the_code(name: str) -> None:
    page, table = TABLES[name]
    assert between((PAGES / page).read_text(), name).group().strip() == table()


def test_the_example_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    example = re.search("```python\n(.*?)```", (PAGES / "physics.md").read_text(), re.DOTALL)
    assert example is not None
    exec(compile(example.group(1), "physics.md", "exec"), {})  # noqa: S102  # the page's own code
    assert "647" in capsys.readouterr().out


if __name__ == "__main__":
    for name, (page, table) in TABLES.items():
        path = PAGES / page
        text = path.read_text()
        old = between(text, name)
        path.write_text(f"{text[: old.start()]}\n{table()}\n\n{text[old.end() :]}")
