"""Drawings as pictures, and drawings that are more than that."""

from __future__ import annotations

from pathlib import Path

import pytest

from beamline.patterns import PatternError, image_pattern

NS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def drawing(folder: Path, inside: str, size: str = 'viewBox="0 0 40 20"', before: str = "") -> Path:
    path = folder / "drawing.svg"
    path.write_text(f"{before}<svg {NS} {size}>{inside}</svg>", encoding="utf-8")
    return path


def rows(path: Path, columns: int = 4, n_colours: int = 1) -> list[list[int]]:
    found: list[list[int]] = image_pattern(
        path, cell_mm=0.3, columns=columns, n_colours=n_colours, is_white_blank=True
    ).cells.tolist()
    return found


@pytest.mark.parametrize(
    "inside",
    [
        '<path d="M0 0H20V10H0Z"/>',
        '<rect width="20" height="10"/>',
        '<polygon points="0,0 20,0 20,10 0,10"/>',
        '<g transform="scale(2)"><path d="M0 0h10v5h-10z"/></g>',
        '<defs><rect id="a" width="10" height="10"/></defs><use href="#a"/><use xlink:href="#a" x="10"/>',
        "<style>.ink{fill:#000}</style><rect class='ink' width='20' height='10'/>",
        '<line x1="0" y1="5" x2="20" y2="5" stroke="black" stroke-width="10"/>',
    ],
)
def test_a_drawing_becomes_cells(tmp_path: Path, inside: str) -> None:
    assert rows(drawing(tmp_path, inside)) == [[1, 1, 0, 0], [0, 0, 0, 0]]


def test_sizes_in_millimetres_and_levels_of_grey(tmp_path: Path) -> None:
    path = drawing(
        tmp_path,
        '<rect width="10" height="20"/><rect x="10" width="10" height="20" fill="#808080"/>',
        'width="40mm" height="20mm" viewBox="0 0 40 20"',
    )
    assert rows(path, n_colours=2) == [[1, 2, 0, 0], [1, 2, 0, 0]]


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        ('<image href="file:///etc/passwd"/>', "image file itself"),
        ('<use href="other.svg#a"/>', "nothing outside the file"),
        ('<use xlink:href="http://127.0.0.1/a.svg#a"/>', "nothing outside the file"),
        ("<style>@import 'http://127.0.0.1/a.css';</style>", "nothing outside the file"),
        ('<rect style="fill:url(http://127.0.0.1/a.svg#a)"/>', "nothing outside the file"),
        ("<text>QR</text>", "convert it to paths"),
        ("<script>1</script>", "not drawn here"),
        ('<rect onload="f()"/>', "script"),
        ('<filter id="f"/>', "not drawn here"),
        ('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>', "unlink clones"),
        ("<g>" * 200 + "</g>" * 200, "within one another"),
        ("<g/>" * 20_001, "more than 20000 elements"),
        ("<g>", "mismatched tag"),
    ],
)
def test_what_is_more_than_a_drawing_is_refused(tmp_path: Path, inside: str, why: str) -> None:
    with pytest.raises(PatternError, match=why):
        rows(drawing(tmp_path, inside))


@pytest.mark.parametrize(
    "before",
    [
        '<!DOCTYPE svg [<!ENTITY a "b">]>',
        '<!DOCTYPE svg SYSTEM "file:///etc/passwd">',
        '<?xml-stylesheet href="http://127.0.0.1/a.css"?>',
    ],
)
def test_entities_and_instructions_are_refused(tmp_path: Path, before: str) -> None:
    with pytest.raises(PatternError, match="save it as plain SVG"):
        rows(drawing(tmp_path, "<rect width='9' height='9'/>", before=before))


@pytest.mark.parametrize("size", ['viewBox="0 0 10 1e9"', 'width="1" height="1e7"'])
def test_a_drawing_that_claims_to_be_vast_takes_no_memory(tmp_path: Path, size: str) -> None:
    with pytest.raises(PatternError, match="as high as wide"):
        rows(drawing(tmp_path, "<rect width='9' height='9'/>", size))


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PatternError, match="can be read"):
        rows(tmp_path / "none.svg")
    large = tmp_path / "large.svg"
    large.write_bytes(b" " * 2_000_001)
    with pytest.raises(PatternError, match="simplify"):
        rows(large)
    page = tmp_path / "page.svg"
    page.write_text("<html/>")
    with pytest.raises(PatternError, match="outermost element is 'html'"):
        rows(page)
    with pytest.raises(PatternError, match="1 to 400 columns"):
        rows(page, columns=401)
