"""A night on the terminal: where it is, and a live table of the sites. A Bluesky callback over the documents and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from beamline.cli.table import hours_text, site_table
from beamline.optimize import Objective
from beamline.recipe import Observation, Suggestion

__all__ = ["NightDisplay"]

HOLDING_BAND_C = 3.0


class NightDisplay:
    """Progress bars and the table of the coupon in hand, live on a terminal; silent elsewhere.

    Use as a context manager around the run, and subscribe the object to the engine.

    Args:
        console: where to draw.
        objective: sites that meet it are marked.
        n_coupons: how many coupons the night may use.
        expected_s: estimated length of the night in simulated seconds.
        now_s: the bench's clock.
    """

    def __init__(
        self,
        console: Console,
        *,
        objective: Objective,
        n_coupons: int,
        expected_s: float,
        now_s: Callable[[], float],
    ) -> None:
        self._console = console
        self._objective = objective
        self._states: dict[str, str] = {}

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
                self._states = {}
                self._draw()
        elif purpose == "writing":
            self._begin("writing sites", float(len(doc["sites"])))
        elif purpose == "heat_treatment":
            treatment = doc["heat_treatment"]
            ramps_s = 2 * (treatment["temperature_C"] - 25.0) / treatment["ramp_C_min"] * 60.0
            self._states = dict.fromkeys(self._states, "in the furnace")
            self._draw()
            self._begin("ramping", treatment["hold_s"] + ramps_s)
        elif purpose == "measurement":
            self._states = dict.fromkeys(self._states, "annealed")
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
            completed_s = self._now_s() - self._phase_start_s
            text = f"{readback_C:.0f} degC, setpoint {setpoint_C:.0f} degC"
            self._progress.update(self._phase, description=what, completed=completed_s, text=text)
        elif stream in {"exposures", "spectra"}:
            name = doc["data"]["site_name"]
            self._states[name] = "written" if stream == "exposures" else "measured"
            self._progress.update(self._phase, completed=doc["seq_num"], text=f"site {name}")
            self._draw()

    def _draw(self) -> None:
        if self._live is not None and self._suggestion is not None:
            table = site_table(self._suggestion, {}, self._heading, states=self._states, width=self._console.width)
            self._live.update(Group(table, self._progress))

    def _finish_coupon(self, observations: list[Observation]) -> None:
        """Leave the finished coupon's table on the screen, above what is live."""
        if self._suggestion is None:
            return
        outcomes = {o.site.name: o for o in observations if o.site.coupon == self._suggestion.coupon.serial}
        self._console.print(
            site_table(self._suggestion, outcomes, self._heading, objective=self._objective, width=self._console.width)
        )
        self._console.print()
        self._suggestion = None
