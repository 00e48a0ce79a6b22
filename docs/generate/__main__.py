"""Pages of the reference that are made from the code: `python docs/generate` writes them anew.

A test holds them current. Names choose: `python docs/generate errors plans`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pages import PAGES

REFERENCE = Path(__file__).parents[1] / "reference"


def main(chosen: list[str]) -> None:
    """Write the pages."""
    unknown = [name for name in chosen if name not in PAGES]
    if unknown:
        sys.exit(f"{', '.join(unknown)}: no such page is made from the code; there are {', '.join(PAGES)}")
    for name in chosen or PAGES:
        page = REFERENCE / f"{name}.md"
        text = PAGES[name]()
        is_new = not page.exists() or page.read_text(encoding="utf-8") != text
        page.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{page.name}: {'written' if is_new else 'as it was'}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
