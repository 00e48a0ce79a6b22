"""A night on the terminal: where it is, and a live table of the sites. A Bluesky callback over the documents and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from beamline.recipe import Dot, Line, Luminescence, Observation, Suggestion

__all__ = ["NightDisplay", "hours_text", "outcome_cells", "site_table"]

HOLDING_BAND_C = 3.0


def hours_text(seconds: float) -> str:
    """Seconds as `h:mm`, the way a lab book has it."""
    minutes = round(seconds / 60)
    return f"{minutes // 60}:{minutes % 60:02d} h"


def _writing_cells(writing: Dot | Line) -> tuple[str, str, str]:
    pace = f"{writing.speed_mm_s:.2f} mm/s" if isinstance(writing, Line) else f"{writing.exposure_s:.1f} s"
    return f"{writing.pulse_energy_uJ:.0f}", pace, str(writing.n_passes)


def outcome_cells(observation: Observation | None) -> tuple[str, str, str, str]:
    """Red peak (nm), green:red ratio, brightness (counts/s) and a word, for one site's row."""
    if observation is None:
        return "", "", "", "[dim]waiting[/]"
    outcome = observation.outcome
    if not isinstance(outcome, Luminescence):
        return (
            "-",
            "-",
            "-",
            {"no_luminescence": "dark", "saturated": "saturated", "failed": "[red]failed[/]"}[outcome.kind],
        )
    red, green = outcome.band("red"), outcome.band("green")
    peak = f"{red.peak_nm:.1f} ± {red.peak_sd_nm:.1f}" if red else "-"
    ratio = f"{green.rate_counts_s / red.rate_counts_s:.2f}" if red and green and red.rate_counts_s > 0 else "-"
    total = sum(band.rate_counts_s for band in outcome.bands)
    return peak, ratio, f"{total:.3g}", "measured"


def site_table(suggestion: Suggestion, outcomes: dict[str, Observation], title: str) -> Table:
    """The sites of one coupon: what was chosen, what was expected, what came."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for heading in ("site", "energy\nuJ", "pace\n", "passes\n", "expected\nred nm", "P(spec)\n"):
        table.add_column(heading, justify="right" if heading != "site" else "left")
    for heading in ("red peak\nnm", "green:red\n", "rate\ncounts/s", "\n"):
        table.add_column(heading, justify="right" if heading.strip() else "left")
    for choice in suggestion.sites:
        red = next((p for p in choice.predictions if p.observable == "red_peak_nm"), None)
        table.add_row(
            choice.site.name,
            *_writing_cells(choice.writing),
            f"{red.mean:.0f} ± {red.sd:.0f}" if red else "",
            f"{choice.p_in_specification:.2f}",
            *outcome_cells(outcomes.get(choice.site.name)),
        )
    return table


class NightDisplay:
    """Progress bars and the table of the coupon in hand, live on a terminal; silent elsewhere.

    Use as a context manager around the run, and subscribe the object to the engine.

    Args:
        console: where to draw.
        n_coupons: how many coupons the night may use.
        expected_s: estimated length of the night in simulated seconds.
        now_s: the bench's clock.
    """

    def __init__(self, console: Console, *, n_coupons: int, expected_s: float, now_s: Callable[[], float]) -> None:
        self._console = console
        self._now_s = now_s
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<34}"),
            BarColumn(bar_width=40),
            TextColumn("{task.fields[text]}"),
            console=console,
        )
        self._night = self._progress.add_task("night", total=max(expected_s, 1.0), text="")
        self._phase = self._progress.add_task("starting", total=None, text="")
        self._n_coupons = n_coupons
        self._expected_s = expected_s
        self._suggestion: Suggestion | None = None
        self._heading = ""
        self._total_s: float = 1.0
        self._phase_start_s: float = 0.0
        self._streams: dict[str, str] = {}
        self._live: Live | None = None
        self._is_shown = console.is_terminal

    def __enter__(self) -> Self:
        if self._is_shown:
            self._live = Live(self._progress, console=self._console, refresh_per_second=8, transient=True)
            self._live.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._live is not None:
            self._live.__exit__(None, None, None)
            self._live = None

    def __call__(self, name: str, doc: dict[str, Any]) -> None:
        """Take a document."""
        if self._live is None:
            return
        if name == "start":
            self._start(doc)
        elif name == "descriptor":
            self._streams[doc["uid"]] = doc["name"]
        elif name == "event":
            self._event(doc)
        now = self._now_s()
        text = f"{hours_text(now)} of about {hours_text(self._expected_s)}"
        self._progress.update(self._night, completed=min(now, self._expected_s), text=text)

    def _start(self, doc: dict[str, Any]) -> None:
        purpose = doc.get("purpose")
        if purpose == "decision":
            self._finish_coupon([Observation.model_validate(o) for o in doc.get("ingested", [])])
            if "suggestion" in doc:
                self._suggestion = Suggestion.model_validate(doc["suggestion"])
                treatment = self._suggestion.heat_treatment
                coupon = self._suggestion.coupon
                self._heading = (
                    f"coupon {doc['n_coupon']} of {self._n_coupons}: {coupon.serial} ({coupon.glass.name}), "
                    f"{treatment.temperature_C:.0f} degC for {hours_text(treatment.hold_s)}"
                )
                self._draw({})
        elif purpose == "writing":
            self._begin("writing sites", float(len(doc["sites"])))
        elif purpose == "heat_treatment":
            treatment = doc["heat_treatment"]
            ramps_s = 2 * (treatment["temperature_C"] - 25.0) / treatment["ramp_C_min"] * 60.0
            self._begin("ramping", treatment["hold_s"] + ramps_s)
        elif purpose == "measurement":
            self._begin("measuring", float(len(doc["sites"])))

    def _begin(self, what: str, total: float) -> None:
        self._phase_start_s = self._now_s()
        self._progress.reset(self._phase, total=total, description=what, text="")

    def _event(self, doc: dict[str, Any]) -> None:
        stream = self._streams.get(doc["descriptor"])
        if stream == "furnace":
            setpoint_C = doc["data"]["furnace_setpoint_C"]
            readback_C = doc["data"]["furnace_temperature_C"]
            if abs(readback_C - setpoint_C) < HOLDING_BAND_C:
                what = "holding"
            else:
                what = "ramping up" if readback_C < setpoint_C else "cooling"
            self._progress.update(
                self._phase,
                description=what,
                completed=self._now_s() - self._phase_start_s,
                text=f"{readback_C:.0f} degC, setpoint {setpoint_C:.0f} degC",
            )
        elif stream in {"exposures", "spectra"}:
            self._progress.update(
                self._phase, completed=doc["seq_num"], text=f"site {doc['data'].get('site_name', '')}"
            )

    def _draw(self, outcomes: dict[str, Observation]) -> None:
        if self._live is not None and self._suggestion is not None:
            self._live.update(Group(site_table(self._suggestion, outcomes, self._heading), self._progress))

    def _finish_coupon(self, observations: list[Observation]) -> None:
        """Leave the finished coupon's table on the screen, above what is live."""
        if self._suggestion is None:
            return
        outcomes = {o.site.name: o for o in observations if o.site.coupon == self._suggestion.coupon.serial}
        self._console.print(site_table(self._suggestion, outcomes, self._heading))
        self._console.print()
        self._suggestion = None
