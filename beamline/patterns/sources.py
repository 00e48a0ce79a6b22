"""Pictures from image files, text and QR codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from beamline.patterns.pattern import Pattern, PatternError
from beamline.patterns.svg import is_svg, rasterised

__all__ = ["image_pattern", "qr_pattern", "text_pattern"]

LARGEST_PIXELS = 40_000_000
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
"""Not all that Pillow reads: for an EPS file it starts Ghostscript, which runs what the file says."""
MOST_COLUMNS = 400
PER_CELL = 8
"""Pixels of a drawing along the side of a cell: its edges are then right to a hundredth of the cell's area."""


def image_pattern(
    path: Path | str, *, cell_mm: float, columns: int, n_colours: int = 2, is_white_blank: bool = False
) -> Pattern:
    """An image file, reduced to a few colours from dark to light.

    Args:
        path: PNG, or another of `FORMATS`, or a drawing (.svg) of shapes and paths.
        cell_mm: side of a cell.
        columns: cells along x; the rows follow from the shape of the image.
        n_colours: 1 the darkest, `n_colours` the lightest.
        is_white_blank: the lightest is not written.

    Raises:
        PatternError: the file cannot be read, is no image, or the numbers make no sense.
    """
    from PIL import Image  # noqa: PLC0415  # only where there is an image

    if not 1 <= columns <= MOST_COLUMNS or not 1 <= n_colours <= 16:
        raise PatternError(f"{columns=} and {n_colours=}: 1 to {MOST_COLUMNS} columns, and 1 to 16 colours")
    rgba = rasterised(path, width=PER_CELL * columns) if is_svg(path) else _opened(path)
    white = Image.new("RGBA", rgba.size, "white")
    grey = Image.alpha_composite(white, rgba).convert("L")
    rows = max(1, round(columns * grey.height / grey.width))
    small = np.asarray(grey.resize((columns, rows), Image.Resampling.BOX), dtype=float)
    levels = n_colours + is_white_blank
    cells = np.minimum((small / 256.0 * levels).astype(np.int64), levels - 1) + 1
    return Pattern.of(np.where(cells > n_colours, 0, cells), cell_mm)


def _opened(path: Path | str) -> Any:
    """An image file as an image of Pillow in RGBA."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  # only where there is an image

    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > LARGEST_PIXELS:
                raise PatternError(f"{path}: {image.width} x {image.height} pixels; at most {LARGEST_PIXELS} are read")
            return image.convert("RGBA")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise PatternError(f"{path}: no image that can be read: {error}") from error


def text_pattern(
    text: str, *, cell_mm: float, rows: int = 12, colour: int = 1, background: int = 0, margin: int = 1
) -> Pattern:
    """Letters in the face that comes with Pillow.

    Args:
        text: one line.
        cell_mm: side of a cell.
        rows: height of a capital letter in cells, at least 7.
        colour: of the letters.
        background: of the rest; 0 leaves it blank.
        margin: cells around.

    Raises:
        PatternError: no text, or too few rows to be read.
    """
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415

    if not text.strip() or rows < 7 or margin < 0:
        raise PatternError(f"{text!r} in {rows} rows: a text, and at least 7 rows, are needed")
    font: Any = ImageFont.load_default(size=100)
    left, top, right, bottom = (int(v) for v in font.getbbox(text))
    image = Image.new("L", (right - left, bottom - top), 0)
    ImageDraw.Draw(image).text((-left, -top), text, fill=255, font=font)
    columns = max(1, round(rows * image.width / image.height))
    small = np.asarray(image.resize((columns, rows), Image.Resampling.BOX))
    cells = np.where(small >= 128, colour, background)
    return Pattern.of(np.pad(cells, margin, constant_values=background), cell_mm)


def qr_pattern(
    text: str,
    *,
    cell_mm: float,
    dark: int = 1,
    light: int = 2,
    error: Literal["L", "M", "Q", "H"] = "M",
    version: int | None = None,
    quiet: int = 4,
) -> Pattern:
    """A QR code (ISO/IEC 18004) with its quiet zone.

    Args:
        text: what it says.
        cell_mm: side of a module.
        dark: colour of the dark modules.
        light: of the light ones and of the quiet zone; 0 leaves them blank.
        error: level of its error correction: 7, 15, 25 or 30 % of it may be lost.
        version: 1 to 40; None for the smallest that holds the text.
        quiet: modules of quiet zone; the standard asks for 4.

    Raises:
        PatternError: no text, or more than the version holds.
    """
    import segno  # noqa: PLC0415

    if not text or quiet < 0:
        raise PatternError("a QR code needs a text, and a quiet zone of at least 0 modules")
    try:
        code = segno.make_qr(text, error=error, version=version, boost_error=False)
    except (ValueError, segno.DataOverflowError) as reason:
        raise PatternError(
            f"{len(text)} characters at level {error}: {reason}; take a larger version or a shorter text"
        ) from reason
    modules: NDArray[np.int64] = np.array([list(row) for row in code.matrix], dtype=np.int64)
    return Pattern.of(np.pad(np.where(modules > 0, dark, light), quiet, constant_values=light), cell_mm)
