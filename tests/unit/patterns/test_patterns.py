from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from beamline.patterns import Pattern, PatternError, image_pattern, qr_pattern, strokes, text_pattern
from beamline.recipe import Line

RECIPES = {1: Line(pulse_energy_uJ=200.0, speed_mm_s=0.4), 2: Line(pulse_energy_uJ=150.0, speed_mm_s=0.8)}


def test_a_qr_code_is_read_by_a_decoder_that_nobody_here_wrote() -> None:
    import zxingcpp

    text = "CsPb(Br/I)3 in glass, 613 nm"
    pattern = qr_pattern(text, cell_mm=0.4, version=3)
    assert pattern.cells.shape == (29 + 8, 29 + 8)
    image = np.kron(np.where(pattern.cells == 1, 0, 255), np.ones((6, 6))).astype(np.uint8)
    assert [found.text for found in zxingcpp.read_barcodes(image)] == [text]


def test_a_text_too_long_for_the_version_is_refused() -> None:
    with pytest.raises(PatternError, match="larger version"):
        qr_pattern("x" * 500, cell_mm=0.4, version=2)


@given(
    st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12), min_size=1, max_size=6).filter(
        lambda rows: len({len(r) for r in rows}) == 1
    )
)
def test_strokes_cover_each_cell_of_their_colour_once(rows: list[list[int]]) -> None:
    pattern = Pattern.of(rows, 0.25)
    covered = np.zeros_like(pattern.cells)
    for stroke in strokes(pattern, RECIPES):
        first = round((stroke.x_mm - 0.5 * stroke.line.length_mm) / 0.25)
        n = round(stroke.line.length_mm / 0.25)
        row = pattern.cells.shape[0] - 1 - int(stroke.y_mm / 0.25)
        assert (covered[row, first : first + n] == 0).all()
        covered[row, first : first + n] = stroke.colour
    assert np.array_equal(covered, pattern.cells)


def test_an_image_becomes_its_levels(tmp_path: Path) -> None:
    path = tmp_path / "wedge.png"
    Image.fromarray(np.tile(np.linspace(0, 255, 90).astype(np.uint8), (30, 1))).save(path)
    assert image_pattern(path, cell_mm=0.3, columns=9, n_colours=3).cells[0].tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    blank = image_pattern(path, cell_mm=0.3, columns=9, n_colours=2, is_white_blank=True)
    assert blank.cells.shape == (3, 9)
    assert blank.cells[0].tolist() == [1, 1, 1, 2, 2, 2, 0, 0, 0]


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "no.png"
    path.write_text("not an image")
    with pytest.raises(PatternError, match="no image"):
        image_pattern(path, cell_mm=0.3, columns=9)


def test_no_program_is_started_for_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostScript by any name: Pillow would have Ghostscript run it."""
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("PostScript was run"))
    path = tmp_path / "logo.png"
    Image.new("L", (30, 20), 128).save(path, format="EPS")
    with Image.open(path) as image:
        assert image.format == "EPS"
    with pytest.raises(PatternError, match="no image that can be read"):
        image_pattern(path, cell_mm=0.3, columns=9)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_what_cameras_and_drawing_programs_write_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "image"
    Image.new("L", (30, 20), 0).save(path, format=kind)
    assert image_pattern(path, cell_mm=0.3, columns=9).cells.tolist() == [[1] * 9] * 6


def test_an_e_is_an_e() -> None:
    cells = text_pattern("E", cell_mm=0.3, rows=11, margin=0).cells
    assert (cells == 1).all(axis=0).any()  # the stem
    assert (cells[0] == 1).sum() > 3
    assert (cells[-1] == 1).sum() > 3
    assert (cells == 0).any()


def test_too_large_says_what_would_fit() -> None:
    with pytest.raises(
        PatternError, match=r"12 x 12 mm; there is room for 9 x 18 mm: cells of 0.3 mm would fit, or 22 x 45"
    ):
        Pattern.of(np.ones((30, 30)), 0.4).check_fits(9.0, 18.0)
    with pytest.raises(PatternError, match="no cell that can be written"):
        Pattern.of(np.ones((300, 300)), 0.4).check_fits(9.0, 18.0)


def test_a_colour_without_a_recipe_is_refused() -> None:
    with pytest.raises(PatternError, match=r"\[3\]"):
        strokes(Pattern.of([[1, 3]], 0.3), RECIPES)
