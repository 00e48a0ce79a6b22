"""The table of a reproduction as a page, with a figure of all numbers over the paper's, and the same as JSON."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from beamline.physics.contradictions import CONTRADICTIONS
from beamline.records import Run
from beamline.report.style import Drawing, Footer, new_figure, styled, write_drawing
from beamline.reproduce.figures import drawings_of
from beamline.reproduce.rows import Reproduced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["numbers", "shown", "write_page"]

COLOURS: Final = {"agrees": "#2a7f3f", "contradicts": "#b3261e", "cannot say": "#6b6b6b"}
STYLE: Final = """body{font-family:system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;font-size:.9rem}td,th{padding:.3rem .6rem;
border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
figure{margin:1.5rem 0}figcaption{margin-bottom:.3rem}
td.n{font-variant-numeric:tabular-nums;white-space:nowrap}small{color:#666}img{max-width:100%}"""


def numbers(rows: Sequence[Reproduced]) -> list[tuple[Reproduced, float, float, float]]:
    """Rows that compare one number with one of the paper: row, measured, one sigma, paper's."""
    found = []
    for row in rows:
        if row.source == "bench" and isinstance(row.measured, float) and isinstance(row.sd, float):
            try:
                paper = float(row.paper)
            except ValueError:  # a statement in words
                continue
            found.append((row, row.measured, row.sd, paper))
    return found


def write_page(folder: Path, rows: Sequence[Reproduced], document: dict[str, Any], runs: Sequence[Run] = ()) -> Path:
    """Write `reproduce.json`, `reproduce.html` and the figures (PNG, SVG, CSV) into a folder.

    Args:
        folder: made where it does not exist.
        rows: of the table.
        document: the same and what belongs to it, as `vitrail reproduce --json` prints it.
        runs: of the reproduction: what they measured is drawn.

    Returns:
        Path of the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reproduce.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    version = str(document["code_version"])
    shown_figures = []
    with styled():
        for drawing in chain(_figures(numbers(rows), version), drawings_of(runs, version)):
            paths = write_drawing(drawing, folder)[1]
            shown_figures.append(_embedded(drawing, next(path for path in paths if path.suffix == ".png")))
    page = folder / "reproduce.html"
    page.write_text(_page(rows, document, "\n".join(shown_figures)), encoding="utf-8")
    return page


def _embedded(drawing: Drawing, picture: Path) -> str:
    """A figure within the page: as pixels, for some have thousands of points."""
    data = base64.b64encode(picture.read_bytes()).decode("ascii")
    title, caption = html.escape(drawing.title), html.escape(drawing.caption)
    return (
        f"<figure><figcaption><b>{title}.</b> <small>{caption}</small></figcaption>"
        f'<img alt="{title}" src="data:image/png;base64,{data}"></figure>'
    )


def _figures(compared: Sequence[tuple[Reproduced, float, float, float]], code_version: str) -> Iterator[Drawing]:
    if not compared:
        return
    figure = new_figure(1.2 + 0.26 * len(compared))
    axes: Axes = figure.subplots()
    for i, (row, measured, sd, paper) in enumerate(compared):
        axes.errorbar(measured / paper, i, xerr=sd / paper, fmt="o", color=COLOURS[row.verdict], capsize=2.0)
    axes.axvline(1.0, color="0.5", lw=0.8)
    axes.set_yticks(range(len(compared)), [f"{row.fact}  {row.quantity}" for row, *_ in compared])
    axes.set_ylim(len(compared) - 0.4, -0.6)
    axes.set_xlabel("measured over paper's number")
    yield Drawing(
        name="reproduce-numbers",
        title="Numbers of the paper",
        caption="Measured on the simulated bench over the paper's number.",
        figure=figure,
        table={
            "fact": [row.fact for row, *_ in compared],
            "quantity": [row.quantity for row, *_ in compared],
            "unit": [row.unit for row, *_ in compared],
            "measured": [measured for _, measured, _, _ in compared],
            "sd": [sd for _, _, sd, _ in compared],
            "paper": [paper for *_, paper in compared],
            "verdict": [row.verdict for row, *_ in compared],
        },
        footer=Footer(
            runs=tuple(dict.fromkeys(uid for row, *_ in compared for uid in row.runs)),
            n=f"{len(compared)} numbers",
            errors="bars: one sigma of the measurement; green agrees, red contradicts, grey cannot say",
            code_version=code_version,
        ),
    )


def _runs_of(row: Reproduced) -> str:
    return f"runs {', '.join(uid[:8] for uid in row.runs)}" if row.runs else ""


def shown(row: Reproduced) -> str:
    """Measured values with one sigma and unit."""
    values = row.measured if isinstance(row.measured, tuple) else (row.measured,)
    sds = row.sd if isinstance(row.sd, tuple) else (row.sd,) * len(values)
    parts = [
        "-" if value is None else f"{value:.4g}" + (f" ± {sd:.2g}" if sd is not None else "")
        for value, sd in zip(values, sds, strict=True)
    ]
    return ", ".join(parts) + ("" if row.unit == "1" else f" {row.unit}")


def _page(rows: Sequence[Reproduced], document: dict[str, Any], figures: str) -> str:
    def cell(text: str, extra: str = "") -> str:
        return f"<td{extra}>{html.escape(text)}</td>"

    lines = [
        f"<tr>{cell(row.fact)}{cell(row.quantity)}{cell(row.paper)}{cell(shown(row), ' class=n')}{cell(row.source)}"
        f'<td style="color:{COLOURS[row.verdict]}"><b>{row.verdict}</b></td>'
        f"<td><small>{html.escape('; '.join(one for one in (row.note, _runs_of(row)) if one))}</small>"
        "</td></tr>"
        for row in rows
    ]
    known = "".join(
        f"<li><b>{', '.join(one.facts)}</b>: {html.escape(one.what)}. <small>The model: {html.escape(one.way_out)}.</small></li>"
        for one in CONTRADICTIONS
    )
    counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in COLOURS}
    missing = ", ".join(document["facts_without_row"]) or "none"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The paper's experiments</title><style>{STYLE}</style></head><body>
<h1>The paper's experiments on the simulated bench</h1>
<p>DOI {html.escape(document["doi"])}; {document["simulated_h"]:.1f} simulated hours, seed {document["seed"]};
vitrail {html.escape(document["code_version"])}.
{counts["agrees"]} rows agree, {counts["contradicts"]} contradict, {counts["cannot say"]} cannot say; no row for: {missing}.
Rows from the bench come from recorded spectra, decays and maps. The bench is made of the model, which was
fitted to the same paper: agreement is no validation.</p>
<table><tr><th>id<th>quantity<th>paper<th>measured<th>from<th>verdict<th>how, and from which runs</tr>
{chr(10).join(lines)}
</table>
<h2>Figures</h2>
{figures}
<h2>What the paper's statements cannot have together</h2><ul>{known}</ul>
</body></html>
"""
