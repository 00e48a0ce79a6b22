"""The documentation as a site: `make docs`. Why this generator: decisions/034-documentation-site.md."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "site"))

project = "vitrail"
html_title = "vitrail"
language = "en"

extensions = ["myst_parser", "navigation"]
source_suffix = {".md": "markdown"}
exclude_patterns: list[str] = []
suppress_warnings: list[str] = []  # a warning is an error, and none is excepted

myst_enable_extensions = ["strikethrough"]
myst_heading_anchors = 4
myst_linkify_fuzzy_links = False

html_theme = "furo"
html_static_path = ["site/static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_last_updated_fmt = None  # the same pages give the same site
html_permalinks_icon = "#"
html_show_search_summary = False  # is fetched, which a browser refuses for a site that is opened as files
