"""The table: every mistake is told with column, row and what is allowed, and all of them at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beamline.imports import ImportFileError, read_manual_runs
from beamline.imports.files import UnusableFileError, read_numbers

Write = Callable[..., Path]


def refusal(path: Path) -> str:
    with pytest.raises(ImportFileError) as refused:
        read_manual_runs(path)
    return str(refused.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pulse_energy_uJ": 1000}, "pulse_energy_uJ (row 2): 1000 uJ is too high; allowed: 1 to 400 uJ"),
        ({"pulse_energy_uJ": "much"}, 'pulse_energy_uJ (row 3): "much" is not a number'),
        ({"pulse_energy_uJ": ""}, "pulse_energy_uJ (row 2): is missing; give a number, 1 to 400 uJ"),
        ({"pulse_energy_uJ": "nan"}, "is not a finite number"),
        ({"n_passes": "1.5"}, "n_passes (row 2)"),
        ({"mode": "spiral"}, "mode (row 2): 'spiral' is not known here; allowed: dot, line"),
        ({"mode": "dot"}, "speed_mm_s (row 2): a dot has none: leave the cell empty"),
        ({"temperature_C": 900}, "temperature_C (row 2): 900 degC is too high; allowed: 200 to 550 degC"),
        ({"hold_s": ""}, "hold_s (row 2): is missing"),
        ({"coupon": "a/../b"}, "coupon (row 2)"),
        ({"site": "../A"}, "site (row 2)"),
        ({"site": "A"}, "site (row 3): A of M1 is in row 2 already"),
        ({"x_mm": 30}, "x_mm (row 2): (30, 5) mm lies beside the coupon of 20 x 20 mm"),
        ({"bromide": 0, "iodide": 0}, "holds no halide"),
        ({"power_at_sample_W": "high"}, "power_at_sample_W (row 2)"),
        ({"measured_on": "yesterday"}, "measured_on (row 2): 'yesterday' is no date"),
        ({"spectrum_file": ""}, "spectrum_file (row 2): is missing"),
        ({"spectrum_file": "none.csv"}, "spectrum_file (row 2): there is no file 'none.csv'"),
        ({"spectrum_file": "../secret.csv"}, "is not in the folder of the table or below it"),
        ({"spectrum_file": "/etc/passwd.csv"}, "is not in the folder of the table or below it"),
        ({"spectrum_file": "a.spc"}, "is not one of .csv"),
        ({"dark_file": "none.csv"}, "dark_file (row 2): there is no file 'none.csv'"),
        ({"furnace_file": "runs.csv"}, "furnace_file (row 2): 'runs.csv' has no rows of coupon M1 with"),
        ({"integration_s": 0}, "integration_s (row 2): 0 s is too low"),
    ],
)
def test_a_wrong_cell_is_told(table: Write, changes: dict[str, Any], said: str) -> None:
    assert said in refusal(table(**changes))


def test_all_mistakes_at_once_with_the_file(table: Write) -> None:
    text = refusal(table(pulse_energy_uJ=1000, hold_s=-1)).splitlines()
    assert len(text) == 8
    assert all(line.startswith(str(table().parent)) for line in text)


def test_columns_are_told(table: Write) -> None:
    text = refusal(table(pulse_energy_mJ=1, colour="red"))
    assert "pulse_energy_mJ (row 1): unknown column; this is given in uJ: write pulse_energy_uJ" in text
    assert "colour (row 1): unknown column" in text
    path = table()
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line.split(",", 1)[1] for line in lines))
    assert "columns are missing: coupon" in refusal(path)
    path.write_text("\n".join(lines[:2]) + ",surplus\n")
    assert "it has not as many cells as the heading" in refusal(path)
    path.write_text(lines[0] + "\n")
    assert "no rows" in refusal(path)
    path.write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in refusal(path)
    assert "there is no file" in refusal(path.with_name("other.csv"))


def test_what_a_coupon_has_in_common_must_agree(table: Write) -> None:
    path = table()
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], lines[2].replace(",480,", ",490,"), *lines[3:]]))
    assert "temperature_C (row 3): the sites of M1 share one heat treatment: it differs from row 2" in refusal(path)
    path.write_text("\n".join([*lines[:2], lines[2].replace("BrI,1.5,1.5", "BrI,1.5,3"), *lines[3:]]))
    assert "BrI has another composition in row 2" in refusal(path)


def test_without_a_heat_treatment_and_with_the_dark_taken_off(table: Write) -> None:
    runs = read_manual_runs(table(temperature_C="", hold_s="", dark_file="subtracted"))
    assert all(coupon.heat_treatment is None for coupon in runs.coupons)
    assert all(site.spectrum.is_subtracted and not site.spectrum.dark_counts.any() for site in runs.sites)


def test_semicolons_and_decimal_commas_of_a_spreadsheet(table: Write) -> None:
    path = table()
    wanted = read_manual_runs(path)
    path.write_text("\ufeff" + path.read_text().replace(",", ";").replace("0.4", "0,4").replace("1.5", "1,5"))
    assert [site.recipe for site in read_manual_runs(path).sites] == [site.recipe for site in wanted.sites]


NUMBERS = st.floats(min_value=-1e6, max_value=1e6).map(lambda x: round(x, 4))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=9),
    form=st.sampled_from(
        [(",", "."), (", ", "."), (";", "."), (";", ","), ("\t", ","), ("\t", "."), ("  ", ","), (" ", ".")]
    ),
    heading=st.sampled_from(["", "wavelength_nm,counts\n", "# from the lab\n\n", "Wellenlänge;Zähler\n[nm];[1]\n"]),
)
def test_numbers_are_read_in_all_forms(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, float]], form: tuple[str, str], heading: str
) -> None:
    separator, point = form
    folder = tmp_path_factory.mktemp("f")
    text = "".join(separator.join(repr(v).replace(".", point) for v in row) + "\n" for row in rows)
    (folder / "s.txt").write_text(heading + text, encoding="utf-8")
    np.testing.assert_array_equal(read_numbers(folder, "s.txt").values, np.array(rows))


@pytest.mark.parametrize(
    "text", ["", "words only\n", "1\n2\n", "1,2\n3\n", "1,2\nword,3\n", "1,2\n3,4,5\n", "1,inf\n", "\x00\x00"]
)
def test_a_file_that_is_no_table_of_numbers_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(UnusableFileError):
        read_numbers(tmp_path, "s.csv")


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=400))
def test_whatever_is_in_a_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("f")
    for name in ("s.csv", "runs.csv"):
        (folder / name).write_bytes(content)
    with contextlib.suppress(UnusableFileError):
        assert read_numbers(folder, "s.csv").values.shape[1] >= 2
    with pytest.raises(ImportFileError):
        read_manual_runs(folder / "runs.csv")


def test_a_link_that_leads_out_of_the_folder_is_not_followed(table: Write, tmp_path: Path) -> None:
    path = table()
    (tmp_path / "outside.csv").write_text("500,1\n600,2\n")
    (path.parent / "M1_A.csv").unlink()
    (path.parent / "M1_A.csv").symlink_to(tmp_path / "outside.csv")
    assert "is not in the folder" in refusal(path)
