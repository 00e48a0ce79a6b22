"""The report: one HTML page that needs nothing else, and beside it figures as PNG, SVG and CSV and numbers as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from beamline.records import Records
from beamline.report.assemble import night_data
from beamline.report.data import NightData
from beamline.report.figures import figures_of
from beamline.report.page import rendered, source_of
from beamline.report.style import Absent, Drawing, styled, write_drawing
from beamline.report.summary import summary_of

__all__ = ["write_night", "write_report"]

PAGE, NUMBERS, TEMPLATE = "report.html", "report.json", "report.html.jinja"


def write_report(records: Records | Path | str, campaign_uid: str, out: Path | str) -> Path:
    """Write the report of a campaign from its records alone; the same records give the same bytes.

    Args:
        records: the records, or their folder.
        campaign_uid: of the campaign, or the beginning of it.
        out: folder of the report; made where it is missing, and an older report in it replaced.

    Returns:
        Path of report.html; beside it lie report.json and NAME.png, NAME.svg and NAME.csv of every figure.

    Raises:
        LookupError: the records know no such campaign.
    """
    found = records if isinstance(records, Records) else Records(records)
    return write_night(night_data(found, campaign_uid), out)


def write_night(night: NightData, out: Path | str) -> Path:
    """Write the report of a night; see `write_report`."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    summary = summary_of(night)
    shown: list[dict[str, Any]] = []
    with styled():
        for draw in figures_of(night):
            drawing = draw(night)
            for kind in ("png", "svg", "csv"):
                (folder / f"{drawing.name}.{kind}").unlink(missing_ok=True)  # of an older report
            if isinstance(drawing, Absent):
                shown.append({"name": drawing.name, "title": drawing.title, "absent": drawing.reason})
            else:
                shown.append(_shown(drawing, folder))
    numbers = summary.as_json()
    numbers["figures"] = [{k: v for k, v in figure.items() if k != "source"} for figure in shown]
    (folder / NUMBERS).write_text(json.dumps(numbers, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    page = folder / PAGE
    page.write_text(rendered(TEMPLATE, s=summary, figures=shown), encoding="utf-8")
    return page


def _shown(drawing: Drawing, folder: Path) -> dict[str, Any]:
    svg, paths = write_drawing(drawing, folder)
    return {
        "name": drawing.name,
        "title": drawing.title,
        "caption": drawing.caption,
        "files": [path.name for path in paths],
        "source": source_of(svg),
    }
