"""The table of manual runs: a row per site, columns named as the fields of `beamline.recipe`, units in the names.

All rows and all files are checked before anything is made of them; a message names file, column and row, and what is allowed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from beamline.analysis import Detector, analyse_spectrum
from beamline.imports.files import UnusableFileError, furnace_samples, read_source
from beamline.imports.manual import FurnaceSamples, ManualCoupon, ManualRuns, ManualSite, ManualSpectrum
from beamline.imports.spectra import DarkError, manual_spectrum
from beamline.problems import BadFileError, Problem, explain
from beamline.problems.keys import meant_key
from beamline.publish.columns import EXPOSURES, SITES
from beamline.recipe import Coupon, Dot, Frozen, Glass, HeatTreatment, Line, Measurement, Recipe, Site

__all__ = ["COLUMNS", "ImportFileError", "read_manual_runs"]

COLUMNS = (
    *(
        "coupon",
        "width_mm",
        "height_mm",
        "glass",
        "bromide",
        "iodide",
        "site",
        "x_mm",
        "y_mm",
        "mode",
        "pulse_energy_uJ",
    ),
    *("n_passes", "depth_mm", "repetition_rate_kHz", "exposure_s", "speed_mm_s", "length_mm", "power_at_sample_W"),
    *("temperature_C", "hold_s", "ramp_C_min", "furnace_file"),
    *("integration_s", "n_averages", "measured_on", "spectrum_file", "dark_file"),
)
"""Columns that are read. A column or a cell that is left out takes its default, where there is one."""

MAX_ROWS = 10_000

_NEEDED = ("coupon", "glass", "bromide", "iodide", "site", "x_mm", "y_mm", "mode", "pulse_energy_uJ", "spectrum_file")
_TEXTS = frozenset({"coupon", "glass", "site", "mode", "furnace_file", "measured_on", "spectrum_file", "dark_file"})
_WHOLE = frozenset({"n_passes", "n_averages"})
_UNITS = {c.name: c.unit if c.unit not in ("", "1") else None for c in (*SITES, *EXPOSURES)}
_RESULTS = frozenset(c.name for c in SITES) - frozenset(COLUMNS)
"""Columns of an exported table that follow from the spectra, and are made anew."""

Model = TypeVar("Model", bound=Frozen)
Row = dict[str, Any]


class ImportFileError(BadFileError):
    """A table that cannot be imported; nothing was written.

    To do: mend each line that is named; `--dry-run` looks without writing.
    """


def read_manual_runs(path: Path | str, detector: Detector | None = None) -> ManualRuns:
    """Read and check a table with all files that it names.

    Args:
        path: of the table (CSV); the files that it names lie in its folder or below.
        detector: noise and range of the spectrometer; None for the defaults.

    Raises:
        ImportFileError: one problem for each mistake.
    """
    path = Path(path)
    return _Reader(path, detector or Detector()).read()


class _Reader:
    """Goes through a table once, and keeps what is wrong."""

    def __init__(self, path: Path, detector: Detector) -> None:
        self.path, self.detector = path, detector
        self.folder = path.absolute().parent
        self.problems: list[Problem] = []

    def read(self) -> ManualRuns:
        try:
            content, source = read_source(self.folder, self.path.name)
            rows = self._rows(content.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            self._refuse(f"byte {error.start + 1} is not UTF-8; save the table as CSV in UTF-8", error)
        except (UnusableFileError, csv.Error) as error:
            self._refuse(str(error), error)
        sites: dict[int, tuple[Coupon, HeatTreatment | None, ManualSite]] = {}
        for number, row in rows.items():
            before = len(self.problems)
            made = self._site(number, row)
            if made is not None and len(self.problems) == before:
                sites[number] = made
        coupons = self._coupons(rows, sites)
        if self.problems:
            raise ImportFileError(str(self.path), self.problems)
        ignored = tuple(name for name in next(iter(rows.values())) if name in _RESULTS)
        return ManualRuns(source, coupons, self.detector, ignored)

    def _refuse(self, text: str, cause: Exception | None = None) -> Any:
        raise ImportFileError(str(self.path), [Problem("", text)]) from cause

    def _wrong(self, column: str, number: int, text: str) -> None:
        self.problems.append(Problem(column, text, f"row {number}"))

    # --------------------------------------------------------------------------------------------------------- rows
    def _rows(self, text: str) -> dict[int, Row]:
        """Cells by column and row, as texts; the heading is row 1."""
        first = text.split("\n", 1)[0]
        separator = max(",;\t", key=first.count)
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, restkey="", strict=True)
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        for name in names:
            if name not in COLUMNS and name not in _RESULTS:
                known = {column: _UNITS.get(column) for column in COLUMNS}
                self.problems.append(
                    Problem(name or "a column", f"unknown column; {meant_key(name, None, known)}", "row 1")
                )
        twice = sorted({name for name in names if names.count(name) > 1})
        missing = [name for name in _NEEDED if name not in names]
        if missing or twice:
            said = [f"columns are missing: {', '.join(missing)}"] if missing else []
            said += [f"columns are there twice: {', '.join(twice)}"] if twice else []
            self.problems.append(Problem("", f"{'; '.join(said)}; the heading must name {', '.join(_NEEDED)}", "row 1"))
        if self.problems:
            raise ImportFileError(str(self.path), self.problems)
        rows: dict[int, Row] = {}
        for row in reader:
            if any(row.get(name) for name in names):
                if "" in row or None in row.values():
                    self._wrong("", reader.line_num, f"it has not as many cells as the heading, {len(names)}")
                rows[reader.line_num] = {name: (row[name] or "").strip() for name in names}
            if len(rows) > MAX_ROWS:
                self._refuse(f"more than {MAX_ROWS} rows: import it in parts")
        if not rows:
            self._refuse("there are no rows below the heading")
        comma = separator != ","
        return {number: self._numbers(row, decimal_comma=comma) for number, row in rows.items()}

    def _numbers(self, row: Row, *, decimal_comma: bool) -> Row:
        """Numbers for texts, and nothing for empty cells."""
        found: Row = {}
        for name, text in row.items():
            if not text:
                continue
            plain = re.sub(r"^([-+]?\d+),(\d+)$", r"\1.\2", text) if decimal_comma else text
            if name in _TEXTS or name in _RESULTS:
                found[name] = text
            elif name in _WHOLE and re.fullmatch(r"[-+]?\d+(\.0*)?", plain):
                found[name] = int(plain.partition(".")[0])
            else:
                try:
                    found[name] = float(plain)
                except ValueError:
                    found[name] = text  # the model says what is wanted
        return {name: found.get(name) for name in row}

    # -------------------------------------------------------------------------------------------------------- a row
    def _site(self, number: int, row: Row) -> tuple[Coupon, HeatTreatment | None, ManualSite] | None:
        glass = self._model(number, Glass, row, {"name": "glass"})
        size = {"serial": "coupon", "width_mm": "width_mm", "height_mm": "height_mm"}
        coupon = self._model(number, Coupon, row, size, glass=glass) if glass else None
        site = self._model(number, Site, row, {"coupon": "coupon", "name": "site"})
        writing = self._writing(number, row)
        heat = None
        if any(row.get(name) is not None for name in ("temperature_C", "hold_s", "ramp_C_min")):
            heat = self._model(number, HeatTreatment, row, {})
        measurement = self._model(number, Measurement, row, {})
        power_W = row.get("power_at_sample_W")
        if power_W is not None and (not isinstance(power_W, float) or not 0 <= power_W < 1e3):
            self._wrong("power_at_sample_W", number, f"{power_W} is no power; allowed: 0 to 1000 W, or an empty cell")
        day = str(row.get("measured_on") or "")
        try:
            datetime.fromisoformat(day or "2026-01-01")
        except ValueError:
            self._wrong("measured_on", number, f"{day!r} is no date; write 2026-01-31 or 2026-01-31T14:05:00+01:00")
        if site and coupon and not (site.x_mm <= coupon.width_mm and site.y_mm <= coupon.height_mm):
            size_mm = f"{coupon.width_mm:g} x {coupon.height_mm:g} mm"
            self._wrong("x_mm", number, f"({site.x_mm:g}, {site.y_mm:g}) mm lies beside the coupon of {size_mm}")
        if not (coupon and site and writing and measurement):
            return None
        spectrum = self._spectrum(number, row)
        if spectrum is None:
            return None
        outcome = self._try("spectrum_file", number, lambda: self._outcome(spectrum, measurement))
        if outcome is None:
            return None
        recipe = Recipe(writing=writing, heat_treatment=heat)
        return coupon, heat, ManualSite(number, site, recipe, power_W, measurement, day, spectrum, outcome)

    def _model(self, number: int, model: type[Model], row: Row, names: Mapping[str, str], **given: Any) -> Model | None:
        """One of the project's words from the cells of a row; `names` says which field has a column of another name."""
        cells = {field: row.get(names.get(field, field)) for field in model.model_fields if field not in given}
        try:
            return model.model_validate({k: v for k, v in cells.items() if v is not None} | given)
        except ValidationError as error:
            for problem in explain(error, model):
                self._wrong(names.get(problem.key, problem.key), number, problem.text)
            return None

    def _writing(self, number: int, row: Row) -> Dot | Line | None:
        mode = row.get("mode")
        kinds: dict[str, tuple[type[Dot | Line], tuple[str, ...]]] = {
            "dot": (Dot, ("speed_mm_s", "length_mm")),
            "line": (Line, ("exposure_s",)),
        }
        if mode not in kinds:
            self._wrong("mode", number, f"{mode!r} is not known here; allowed: dot, line")
            return None
        model, others = kinds[mode]
        for name in others:
            if row.get(name) is not None:
                self._wrong(name, number, f"a {mode} has none: leave the cell empty")
        return self._model(number, model, row, {})

    def _try(self, column: str, number: int, make: Callable[[], Any]) -> Any:
        try:
            return make()
        except ValueError as error:
            self._wrong(column, number, str(error))
            return None

    # ------------------------------------------------------------------------------------------------------ spectra
    def _outcome(self, spectrum: ManualSpectrum, measurement: Measurement) -> Any:
        return analyse_spectrum(
            spectrum.wavelength_nm,
            spectrum.counts,
            spectrum.dark_counts,
            integration_s=measurement.integration_s,
            n_averages=measurement.n_averages,
            detector=self.detector,
        )

    def _spectrum(self, number: int, row: Row) -> ManualSpectrum | None:
        name = row.get("spectrum_file")
        if not name:
            self._wrong("spectrum_file", number, "is missing; name a file with the columns wavelength_nm and counts")
            return None
        try:
            return manual_spectrum(self.folder, name, row.get("dark_file"))
        except UnusableFileError as error:
            self._wrong("dark_file" if isinstance(error, DarkError) else "spectrum_file", number, str(error))
            return None

    # ------------------------------------------------------------------------------------------------------ coupons
    def _coupons(
        self, rows: dict[int, Row], sites: dict[int, tuple[Coupon, HeatTreatment | None, ManualSite]]
    ) -> tuple[ManualCoupon, ...]:
        """Rows of a coupon together; what the rows of one coupon must have in common is compared with its first row."""
        groups: dict[str, list[int]] = {}
        for number, (coupon, _heat, _site) in sites.items():
            groups.setdefault(coupon.serial, []).append(number)
        glasses: dict[str, tuple[int, Glass]] = {}
        made = []
        for serial, numbers in groups.items():
            first = numbers[0]
            coupon, heat, _ = sites[first]
            places: dict[str, int] = {}
            for number in numbers:
                other, other_heat, site = sites[number]
                seen, glass = glasses.setdefault(other.glass.name, (number, other.glass))
                if glass != other.glass:
                    self._wrong("glass", number, f"{glass.name} has another composition in row {seen}")
                if other != coupon:
                    self._wrong("coupon", number, f"{serial} is of another glass or size in row {first}")
                if other_heat != heat or rows[number].get("furnace_file") != rows[first].get("furnace_file"):
                    text = f"the sites of {serial} share one heat treatment: it differs from row {first}"
                    self._wrong("temperature_C", number, text)
                if (before := places.setdefault(site.site.name, number)) != number:
                    self._wrong("site", number, f"{site.site.name} of {serial} is in row {before} already")
            furnace = self._furnace(first, rows[first], serial, heat)
            made.append(ManualCoupon(coupon, heat, furnace, tuple(sites[number][2] for number in numbers)))
        return tuple(made)

    def _furnace(self, number: int, row: Row, serial: str, heat: HeatTreatment | None) -> FurnaceSamples | None:
        name = row.get("furnace_file")
        if not name:
            return None
        if heat is None:
            self._wrong("furnace_file", number, "the row has no heat treatment: give temperature_C and hold_s too")
            return None
        found: FurnaceSamples | None = self._try(
            "furnace_file", number, lambda: furnace_samples(self.folder, name, serial)
        )
        return found
