"""Drawings (SVG) as pixels. The file is untrusted: it is looked through first, and what is not a plain drawing is refused.

Nothing outside the file is read: no external entity, image, style sheet or font, no network. Text is refused too, because
what it looks like depends on the fonts of the machine. What expands (entities, uses within uses) and what takes long (filters,
patterns) is refused, sizes are bounded. The drawing itself is done by resvg.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any
from xml.parsers import expat

from beamline.patterns.pattern import PatternError

__all__ = ["is_svg", "rasterised"]

LARGEST_BYTES = 2_000_000
MOST_ELEMENTS, DEEPEST = 20_000, 100
MOST_USES = 2_000
"""Times that parts are drawn again by `use`, which may not lie within one another."""
TALLEST = 4.0
"""Height of a drawing over its width; what is drawn is bounded before it is drawn."""
SVG = "http://www.w3.org/2000/svg"
DRAWN = frozenset(
    {"svg", "g", "defs", "symbol", "use", "style", "title", "desc", "metadata", "clipPath"}
    | {"path", "rect", "circle", "ellipse", "line", "polyline", "polygon"}
    | {"linearGradient", "radialGradient", "stop"}
)
SILENT = frozenset({"title", "desc", "metadata"})
INSTEAD = {
    "text": "convert it to paths in the drawing program: what it looks like depends on the fonts of the machine",
    "image": "give the image file itself as the picture",
}
_OUTSIDE = re.compile(r"@import|url\(\s*['\"]?\s*(?!['\"]?\s*#)", re.IGNORECASE)


def is_svg(path: Path | str) -> bool:
    """Whether a file is called a drawing."""
    return Path(path).suffix.lower() in {".svg", ".svgz"}


def rasterised(path: Path | str, *, width: int) -> Any:
    """A drawing on a transparent ground, as an image of Pillow in RGBA.

    Args:
        path: of the file, not compressed.
        width: pixels along x; those along y follow from the drawing.

    Raises:
        PatternError: it cannot be read, or is more than a plain drawing; or the package that draws is not installed.
    """
    from PIL import Image  # noqa: PLC0415  # only where there is an image

    if Path(path).suffix.lower() == ".svgz":
        raise PatternError(f"{path}: compressed drawings are not read; save it as plain .svg")
    text = _checked(path)
    try:
        import resvg_py  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise PatternError(f"{path}: drawings need the extra `svg`: pip install 'vitrail[svg]'") from error
    try:
        # with both given, the drawing is fitted in, and what it says of its own size takes no memory
        png = resvg_py.svg_to_bytes(
            svg_string=text, width=width, height=int(TALLEST * width), dpi=96.0, skip_system_fonts=True
        )
    except ValueError as error:
        raise PatternError(f"{path}: no drawing that can be made into pixels: {error}") from error
    with Image.open(io.BytesIO(bytes(png))) as image:
        if image.width < width:
            raise PatternError(f"{path}: more than {TALLEST:g} times as high as wide; turn it, or cut it up")
        return image.convert("RGBA")


def _checked(path: Path | str) -> str:
    """The text of a file that is a plain drawing."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise PatternError(f"{path}: no drawing that can be read: {error.strerror}") from error
    if len(content) > LARGEST_BYTES:
        raise PatternError(f"{path}: larger than {LARGEST_BYTES / 1e6:g} MB; simplify the drawing")
    look = _Look(str(path))
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = look.doctype
    parser.ProcessingInstructionHandler = look.instruction
    parser.StartElementHandler = look.start
    parser.EndElementHandler = look.end
    parser.CharacterDataHandler = look.text
    try:
        parser.Parse(content, True)  # noqa: FBT003  # expat takes no keywords
        text = content.decode("utf-8-sig")
    except (expat.ExpatError, UnicodeDecodeError) as error:
        raise PatternError(f"{path}: no drawing (SVG in UTF-8) that can be read: {error}") from error
    look.finish()
    return text


class _Look:
    """Goes through a file once, and refuses what is more than a drawing."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._open: list[tuple[str, str]] = []  # element and id of all that is open
        self._n = 0
        self._uses: list[tuple[str, frozenset[str]]] = []  # target of each use, and ids around it

    def _refuse(self, what: str) -> None:
        raise PatternError(f"{self._path}: {what}")

    def doctype(self, *_: object) -> None:
        self._refuse("it declares a document type, which may name entities and other files; save it as plain SVG")

    def instruction(self, target: str, _data: str) -> None:
        self._refuse(f"it holds an instruction <?{target}?>, which may name other files; save it as plain SVG")

    def start(self, full_name: str, attributes: dict[str, str]) -> None:
        namespace, _, name = full_name.rpartition(" ")
        self._n += 1
        if self._n == 1 and (namespace, name) != (SVG, "svg"):
            self._refuse(f"its outermost element is {name!r} and not svg in the namespace {SVG}")
        if self._n > MOST_ELEMENTS or len(self._open) >= DEEPEST:
            self._refuse(f"more than {MOST_ELEMENTS} elements, or {DEEPEST} within one another; simplify the drawing")
        is_silent = any(outer in SILENT for outer, _ in self._open)
        if namespace == SVG and name not in DRAWN and not is_silent:
            self._refuse(
                f"<{name}> is not drawn here; {INSTEAD.get(name, 'make it into paths or shapes, or leave it out')}"
            )
        for key, value in attributes.items():
            plain = key.rpartition(" ")[2]
            if plain == "href" and not value.strip().startswith("#") and not is_silent:
                self._refuse(f"<{name}> refers to {value[:40]!r}: nothing outside the file is read")
            if plain.lower().startswith("on"):
                self._refuse(f"<{name}> has a script in {plain!r}; save it as plain SVG")
            if plain != "href":
                self._no_outside(value)
        self._open.append((name if namespace == SVG else "", attributes.get("id", "")))
        if name == "use" and namespace == SVG:
            target = next((v for k, v in attributes.items() if k.rpartition(" ")[2] == "href"), "")
            self._uses.append((target.strip().lstrip("#"), frozenset(one for _, one in self._open if one)))
            if len(self._uses) > MOST_USES:
                self._refuse(f"more than {MOST_USES} uses of parts; simplify the drawing")

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, content: str) -> None:
        if self._open and self._open[-1][0] == "style":
            self._no_outside(content)

    def finish(self) -> None:
        """Uses within uses double with each level."""
        targets = {target for target, _ in self._uses}
        for target, around in self._uses:
            nested = sorted(targets & around)
            if nested:
                self._refuse(f"a part that is used, {nested[0]!r}, uses {target!r} itself; unlink clones")

    def _no_outside(self, value: str) -> None:
        if _OUTSIDE.search(value):
            self._refuse(f"a style refers outside the file ({value.strip()[:40]!r}): nothing outside the file is read")
