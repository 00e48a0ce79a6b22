from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from beamline.reproduce import Reproduced, of_number
from beamline.reproduce.page import numbers, write_page
from beamline.reproduce.pictures import two_clusters

ROWS = [
    of_number("P14", "green peak", "nm", (514.2, 0.5), 514.0, 0.5, note="<fitted>", runs=["a" * 32]),
    of_number("P16", "red lifetime", "ns", (30.0, 0.5), 35.97, 0.5, runs=["b" * 32]),
    of_number("P32", "red peak", "nm", None, 655.0, 0.5),
    Reproduced("P15", "bleach", "nm", "508", 508.4, None, "model", "agrees"),
]


def test_the_page_holds_each_row_its_verdict_and_what_cannot_be(tmp_path: Path) -> None:
    document = {
        "code_version": "1.2",
        "doi": "10.1/x",
        "seed": 1,
        "simulated_h": 3.25,
        "rows": [row.as_json() for row in ROWS],
        "facts_without_row": ["P18"],
    }
    page = write_page(tmp_path / "new", ROWS, document)
    text = page.read_text()
    assert "514.2 ± 0.5 nm" in text
    assert "&lt;fitted&gt;" in text
    assert "2 rows agree, 1 contradict, 1 cannot say; no row for: P18" in text
    assert "not 500 mW" in text  # the paper's own contradictions
    assert json.loads((page.parent / "reproduce.json").read_text()) == json.loads(json.dumps(document))
    table = (page.parent / "reproduce-numbers.csv").read_text().splitlines()
    assert len(table) == 3
    assert (page.parent / "reproduce-numbers.png").stat().st_size > 1000


def test_only_numbers_from_the_bench_are_drawn() -> None:
    assert [row.fact for row, *_ in numbers(ROWS)] == ["P14", "P16"]


def test_two_clusters_of_uneven_size() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(400) < 0.2
    assert np.array_equal(two_clusters(np.where(truth, 0.8, 0.3) + rng.normal(0.0, 0.03, 400)), truth)
