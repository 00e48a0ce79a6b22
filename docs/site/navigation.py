"""The navigation of the site, made from what the pages say themselves.

A page of links (`index.md`, a folder's `README.md`) is the table of contents of what it lists: each heading with list
items or table rows that link to pages is a part of the navigation. A page that none of them lists is in no table of contents,
which Sphinx warns of, and the site is not built. So a new page wants one line in `index.md`, which wants it anyway.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from markdown_it import MarkdownIt
from sphinx.application import Sphinx

__all__ = ["sections", "setup"]

CONTENTS = ("index", "README")
"""Names of pages of links."""


def sections(text: str, page: str) -> Iterator[tuple[str, list[str]]]:
    """The parts of a page of links: heading, and the pages that its lists and tables link to, each where it comes first.

    Args:
        text: Markdown.
        page: its name, from the folder of the documentation, without suffix.
    """
    heading, pages, seen, depth = "", [], {page}, 0
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    has_parts = any(token.type == "heading_open" and token.tag == "h2" for token in tokens)
    for i, token in enumerate(tokens):
        if token.type == "heading_open":
            if pages:
                yield heading, pages
            heading, pages = tokens[i + 1].content if token.tag != "h1" else "", []
        depth += token.nesting * (token.type.rpartition("_")[0] in {"list_item", "table"})
        is_contents = depth and (heading or not has_parts)  # above the first part stands an introduction
        for child in (token.children or ()) if is_contents else ():
            target = str(child.attrGet("href") or "").partition("#")[0]
            if ":" in target or not target.endswith(".md"):
                continue
            name = posixpath.normpath(posixpath.join(posixpath.dirname(page), target)).removesuffix(".md")
            if name not in seen and not name.startswith("../"):
                seen.add(name)
                pages.append(name)
    if pages:
        yield heading, pages


def add_contents(app: Sphinx, page: str, source: list[str]) -> None:  # noqa: ARG001  # called by Sphinx
    """Give a page of links its hidden tables of contents."""
    folder, name = posixpath.split(page)
    if name not in CONTENTS:
        return
    for heading, pages in sections(source[0], page):
        below = [one for one in pages if one.startswith(f"{folder}/" if folder else "")]
        lines = [
            "```{toctree}",
            ":hidden:",
            f":caption: {heading}" if heading else "",
            *(f"/{one}" for one in below),
            "```",
        ]
        source[0] += "\n\n" + "\n".join(filter(None, lines)) + "\n" if below else ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", add_contents)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
