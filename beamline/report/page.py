"""The pages of reports: complete in themselves, with their style and figures inside, to be mailed and to be printed."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from beamline.report.words import probability

__all__ = ["rendered", "source_of"]

_IN_WORDS = {
    "red_peak_nm": "red peak",
    "green_peak_nm": "green peak",
    "ln_green_red_ratio": "green : red",
    "ln_red_rate": "red light",
    "ln_red_lifetime": "red lifetime",
    "ln_green_lifetime": "green lifetime",
}


def source_of(svg: bytes) -> str:
    """A drawing as the source of an image inside the page."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()


def rendered(template: str, **about: Any) -> str:
    """A page as HTML.

    Args:
        template: name of its file in this folder.
        about: what it shows.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  # only needed here

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,  # names and reasons come from files and instruments
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["probability"] = probability
    environment.filters["in_words"] = lambda observable: _IN_WORDS.get(observable, observable)
    return environment.get_template(template).render(**about)
