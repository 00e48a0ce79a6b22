"""Which pages are made from the code, and by what."""

from __future__ import annotations

from collections.abc import Callable

from documents_page import documents_page
from errors_page import errors_page
from plans_page import plans_page
from signals_page import signals_page

from beamline.cli.reference import reference_page

__all__ = ["PAGES"]

PAGES: dict[str, Callable[[], str]] = {
    "commands": reference_page,
    "documents": documents_page,
    "errors": errors_page,
    "plans": plans_page,
    "signals": signals_page,
}
"""By the name of the page in `docs/reference`."""
