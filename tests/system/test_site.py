"""The documentation builds into a site without a warning, and the site needs nothing from elsewhere.

Skipped where the extra `docs` is not installed; `make test` installs it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

for package in ("furo", "myst_parser", "sphinx"):
    pytest.importorskip(package, reason="the extra `docs` is not installed")

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"


def build(source: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """As `make docs` does, which is read here so that both mean the same."""
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    (options,) = re.findall(r"-m sphinx (.*) docs build/site$", makefile, re.MULTILINE)
    command = [sys.executable, "-m", "sphinx", *options.split(), str(source), str(site)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(DOCS, folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder


class Loaded(HTMLParser):
    """What a page makes a browser load."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src", "object": "data"}
        self.addresses += [value for name, value in attrs if name == names.get(tag) and value]


def test_every_page_is_there_and_in_the_navigation(site: Path) -> None:
    pages = {str(page.relative_to(DOCS).with_suffix(".html")) for page in DOCS.rglob("*.md")}
    assert pages <= {str(page.relative_to(site)) for page in site.rglob("*.html")}
    front = (site / "index.html").read_text(encoding="utf-8")
    navigation = front.partition('class="sidebar-tree"')[2].partition("</aside>")[0]
    links = set(re.findall(r'href="([^"#]+)', navigation))
    assert pages - {"index.html"} <= links | {"#"}


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loaded = {address for page in site.rglob("*.html") for address in Loaded(page).addresses}
    assert any(address.endswith("searchtools.js?v=" + address[-8:]) or "searchtools" in address for address in loaded)
    assert [address for address in loaded if re.match(r"([a-z]+:)?//", address)] == []
    styles = "".join(style.read_text(encoding="utf-8") for style in site.rglob("*.css"))
    assert re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//[^)'\"]+", styles) == []


def test_the_index_of_the_search_knows_the_words(site: Path) -> None:
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert index.startswith("Search.setIndex(")
    for word in ("furnac", "watchdog", "campaign"):  # stems
        assert re.search(rf'[{{,"]{word}"?:', index), word


def test_a_lost_link_and_a_page_in_no_list_stop_the_build(tmp_path: Path) -> None:
    source = tmp_path / "docs"
    source.mkdir()
    for name in ("conf.py", "site"):
        (source / name).symlink_to(DOCS / name)
    (source / "index.md").write_text("# Front\n\n## Pages\n\n- [One](one.md)\n", encoding="utf-8")
    (source / "one.md").write_text("# One\n\nGo [there](index.md#nowhere).\n", encoding="utf-8")
    (source / "two.md").write_text("# Two\n\nNobody lists it.\n", encoding="utf-8")
    done = build(source, tmp_path / "site")
    assert done.returncode != 0
    assert "nowhere" in done.stderr
    assert re.search(r"two\.md: WARNING: document isn't included in any toctree", done.stderr)
