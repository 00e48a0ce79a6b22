"""The magics that look into the records: `%coupon` and `%site`."""

from __future__ import annotations

from collections import Counter
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class

from beamline.session import Session
from beamline.shell.paint import paint

__all__ = ["RecordsMagics"]


@magics_class
class RecordsMagics(Magics):
    """What the records of a session know of coupons and sites.

    Args:
        shell: IPython's.
        session: with the records, and the changer that knows where coupons are.
    """

    def __init__(self, shell: Any, session: Session) -> None:
        super().__init__(shell)
        self._session = session

    @line_magic
    def coupon(self, line: str) -> None:
        """Where the coupons are and what happened to them: `%coupon`, or one with its map: `%coupon BI-01`."""
        from beamline.cli.coupon_map import text_map  # noqa: PLC0415  # as needed
        from beamline.records import Ledger, SiteState  # noqa: PLC0415  # as needed
        from beamline.report.words import heat_words  # noqa: PLC0415  # as needed

        ledger = {one.serial: one for one in Ledger.of(self._session.records.runs()).coupons()}
        places = self._places()
        serial = line.strip()
        if serial and serial not in {*ledger, *places}:
            raise UsageError(f"%coupon: no coupon {serial}; there are {', '.join({**places, **ledger}) or 'none'}")
        names = [serial] if serial else list({**places, **ledger})
        rows = []
        for name in names:
            known = ledger.get(name)
            counts = Counter(site.state for site in known.sites.values()) if known else Counter()
            states = ", ".join(f"{counts[state]} {state}" for state in SiteState if counts[state]) or "no site"
            glass = known.glass.name if known and known.glass else "-"
            heat = heat_words(known.heat_treatments) if known else "not heated"
            rows.append((name, places.get(name, "not here"), glass, heat, states))
        widths = [max(len(row[i]) for row in rows) for i in range(4)] if rows else []
        for row in rows:
            print("  ".join([*(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=False)), row[-1]]))  # noqa: T201
        if not rows:
            print("no coupon: none in the rack, none in the records")  # noqa: T201
        if serial and serial in ledger:
            print(text_map(ledger[serial], None))  # noqa: T201

    @line_magic
    def site(self, line: str) -> None:
        """What happened to a site and what came of it: `%site BI-01 A1`, or `%site A1` of the coupon on the stage."""
        from beamline.records import Ledger  # noqa: PLC0415  # as needed

        words = line.split()
        on_stage = self._session.bench.changer.at_stage.get()
        if len(words) == 1 and on_stage:
            words.insert(0, on_stage)
        if len(words) != 2:
            raise UsageError(
                "%site: coupon and site: %site BI-01 A1 (the coupon may be left out where one is on the stage)"
            )
        serial, name = words
        ledger = Ledger.of(self._session.records.runs(coupon=serial))
        known = {site.name: site for one in ledger.coupons() if one.serial == serial for site in one.sites.values()}
        if name not in known:
            there = ", ".join(known) or "none: nothing has been written on it"
            raise UsageError(f"%site: the records know of no site {name} on coupon {serial}; there are {there}")
        print("\n".join(self._site_lines(serial, known[name])))  # noqa: T201

    def _site_lines(self, serial: str, site: Any) -> list[str]:
        where = f" at x {site.site.x_mm:g} mm, y {site.site.y_mm:g} mm" if site.site else ""
        lines = [
            paint(f"{serial} {site.name}", "bold")
            + f"{where}: {site.state}"
            + (f", {site.reason}" if site.reason else "")
        ]
        if site.recipe is not None:
            lines += [f"  {name:<18} {value}" for name, value in recipe_words(site.recipe)]
        lines += [f"  {name:<18} {value}" for name, value in self._outcome(serial, site.name)]
        for uid in site.runs:
            run = self._session.records.run(uid)
            ended = (run.stop or {}).get("exit_status", "open")
            lines.append(f"  run {uid[:8]}       {run.start.get('purpose', run.start.get('plan_name', '?'))}, {ended}")
        return lines

    def _outcome(self, serial: str, name: str) -> list[tuple[str, str]]:
        """Of the newest campaign that measured the coupon, by the present analysis."""
        from beamline.campaign.observations import coupon_observations  # noqa: PLC0415  # scipy

        runs = self._session.records.runs(coupon=serial, purpose="measurement")
        if not runs:
            return []
        uid = runs[-1].start["campaign"]["uid"]
        found = [seen for seen in coupon_observations(self._session.records, uid, serial) if seen.site.name == name]
        return outcome_words(found[-1].outcome) if found else []

    def _places(self) -> dict[str, str]:
        """Where the changer says that each coupon is."""
        changer = self._session.bench.changer
        places = dict.fromkeys(getattr(changer.driver, "serials", ()), "rack")
        for place, signal in (("furnace", changer.in_furnace), ("stage", changer.at_stage)):
            if serial := signal.get():
                places[serial] = place
        return places


def recipe_words(recipe: Any) -> list[tuple[str, str]]:
    """What was asked for at a site."""
    from beamline.recipe import Line  # noqa: PLC0415  # as needed
    from beamline.report.words import heat_words  # noqa: PLC0415  # as needed

    writing = recipe.writing
    pace = f"at {writing.speed_mm_s:g} mm/s" if isinstance(writing, Line) else f"for {writing.exposure_s:g} s"
    passes = "" if writing.n_passes == 1 else f", {writing.n_passes} passes"
    words = f"{writing.mode}, {writing.pulse_energy_uJ:g} uJ {pace}{passes}, {writing.depth_mm:g} mm deep"
    heat = heat_words([recipe.heat_treatment] if recipe.heat_treatment else [])
    return [("writing", words), ("heat treatment", heat)]


def outcome_words(outcome: Any) -> list[tuple[str, str]]:
    """What came of a site, a line for each thing."""
    from beamline.recipe import Luminescence  # noqa: PLC0415  # as needed
    from beamline.report.words import plus_minus  # noqa: PLC0415  # as needed

    if not isinstance(outcome, Luminescence):
        limit = getattr(outcome, "rate_limit_counts_s", None)
        words = outcome.kind.replace("_", " ") + (f", below {limit:.3g} counts/s" if limit is not None else "")
        return [("outcome", words + (f": {outcome.reason}" if hasattr(outcome, "reason") else ""))]
    return [
        (
            f"{band.phase} band",
            (
                f"{plus_minus(band.peak_nm, band.peak_sd_nm, 'nm')}, "
                f"{plus_minus(band.rate_counts_s, band.rate_sd_counts_s, 'counts/s')}"
            ),
        )
        for band in outcome.bands
    ]
