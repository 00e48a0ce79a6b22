"""The documentation builds into a site without a warning, and the site needs nothing from elsewhere.

Skipped where the extra `docs` is not installed; `make test` installs it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

for package in ("furo", "myst_parser", "sphinx"):
    pytest.importorskip(package, reason="the extra `docs` is not installed")

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"


SMALL = {
    "index.md": "# Front\n\nSee [one](one.md) first.\n\n## Pages\n\n- [One](one.md)\n",
    "one.md": "# One\n\n## A furnace\n\nBack to [the front](index.md#pages).\n",
}


def build(source: Path, site: Path, builder: str = "html") -> subprocess.CompletedProcess[str]:
    """As `make docs` does, which is read here so that both mean the same."""
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    (options,) = re.findall(r"-m sphinx (.*) --builder html docs build/site$", makefile, re.MULTILINE)
    command = [sys.executable, "-m", "sphinx", *options.split(), "--builder", builder, str(source), str(site)]
    return subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)


def small(folder: Path, **pages: str) -> Path:
    """A documentation of two pages with our configuration."""
    source = folder / "docs"
    source.mkdir()
    for name in ("conf.py", "site"):
        (source / name).symlink_to(DOCS / name)
    for name, text in (SMALL | pages).items():
        (source / name).write_text(text, encoding="utf-8")
    return source


class Loaded(HTMLParser):
    """What a page makes a browser load."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src", "object": "data"}
        self.addresses += [value for name, value in attrs if name == names.get(tag) and value]


def addresses(site: Path) -> set[str]:
    return {address for page in site.rglob("*.html") for address in Loaded(page).addresses}


def test_the_pages_build_without_a_warning(tmp_path: Path) -> None:
    done = build(DOCS, tmp_path, "dummy")  # reads and resolves everything, and writes no page
    assert (done.returncode, done.stderr) == (0, "")


def test_a_site_loads_nothing_from_elsewhere_and_can_be_searched(tmp_path: Path) -> None:
    done = build(small(tmp_path), tmp_path / "site")
    assert (done.returncode, done.stderr) == (0, "")
    loaded = addresses(tmp_path / "site")
    assert any("searchtools.js" in address for address in loaded)
    assert [address for address in loaded if re.match(r"([a-z]+:)?//", address)] == []
    styles = "".join(style.read_text(encoding="utf-8") for style in (tmp_path / "site").rglob("*.css"))
    assert "prefers-color-scheme" in styles
    assert re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//[^)'\"]+", styles) == []
    index = (tmp_path / "site" / "searchindex.js").read_text(encoding="utf-8")
    assert "furnac" in index  # a stem


def test_a_lost_anchor_and_a_page_in_no_list_stop_the_build(tmp_path: Path) -> None:
    lost = "# One\n\nGo [there](index.md#nowhere).\n"
    done = build(small(tmp_path, **{"one.md": lost, "two.md": "# Two\n"}), tmp_path / "site", "dummy")
    assert done.returncode != 0
    assert "nowhere" in done.stderr
    assert re.search(r"two\.md: WARNING: document isn't included in any toctree", done.stderr)


@pytest.mark.nightly
def test_the_whole_site_is_navigated_and_searched_from_files(tmp_path: Path) -> None:
    done = build(DOCS, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [address for address in addresses(tmp_path) if re.match(r"([a-z]+:)?//", address)] == []
    pages = {str(page.relative_to(DOCS).with_suffix(".html")) for page in DOCS.rglob("*.md")}
    front = (tmp_path / "index.html").read_text(encoding="utf-8")
    navigation = front.partition('class="sidebar-tree"')[2].partition("</aside>")[0]
    assert pages - {"index.html"} <= set(re.findall(r'href="([^"#]+)', navigation))

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or pytest.skip("there is no chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    said: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if "file:" not in request.url[:5] else None)
        page.goto(f"file://{tmp_path}/search.html?q=watchdog")
        page.wait_for_selector("#search-results li a")
        assert page.locator('#search-results a[href^="explanation/safety.html"]').count()
        for name in sorted(pages):
            page.goto(f"file://{tmp_path}/{name}")
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{name} is {wider} px wider than a phone"
        browser.close()
    assert said == []
