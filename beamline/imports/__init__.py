"""Manual runs: from a table of recipes with spectrum files to records that the optimiser may learn from."""

from beamline.imports.intake import AlreadyImportedError, BusyError, bring_in, check_against
from beamline.imports.manual import ManualCoupon, ManualRuns, ManualSite
from beamline.imports.table import COLUMNS, ImportFileError, read_manual_runs

__all__ = [
    "COLUMNS",
    "AlreadyImportedError",
    "BusyError",
    "ImportFileError",
    "ManualCoupon",
    "ManualRuns",
    "ManualSite",
    "bring_in",
    "check_against",
    "read_manual_runs",
]
