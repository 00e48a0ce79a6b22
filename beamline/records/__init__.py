"""Records: the write-ahead log that is the truth, and what is computed from it: catalog, ledger, spectra, replay.

Import is cheap: neither Bluesky nor Tiled is loaded before a catalog is opened.
"""

from beamline.records.calibrated import (
    axis_of,
    corrected_axis,
    response_of,
    true_temperature_C,
    turned_back,
    used_calibrations,
)
from beamline.records.catalog import CatalogOwner, FlushReport, close_catalog, open_catalog
from beamline.records.check import CheckReport, Difference, check_catalog, check_logs
from beamline.records.compare import BY_NATURE
from beamline.records.endpoint import Endpoint
from beamline.records.errors import CatalogError, CodecError, LogWriteError, RecordError
from beamline.records.folder import keep_warnings, usable_folder
from beamline.records.frames import FORMAT_VERSION, Damage
from beamline.records.ingest import Ingested
from beamline.records.ledger import CouponRecord, Ledger, SiteRecord, SiteState
from beamline.records.locks import FileLock, is_held, session_lock
from beamline.records.log import LogWriter, SyncPolicy
from beamline.records.marks import damaged_serials, mark
from beamline.records.nodes import StoredStream, stored_streams
from beamline.records.occupancy import Footprint, KeepOut, crowding, footprints, refusals
from beamline.records.reader import Document, RunLog, iter_run, read_run
from beamline.records.rebuild import Rebuilt, rebuild_catalog
from beamline.records.recovery import Recovered, close_orphans
from beamline.records.replay import Pacer, ReconstructedWarning, ReplayClock, replay
from beamline.records.run import Quantities, Run
from beamline.records.search import Criteria, find_runs, find_uids_in_catalog
from beamline.records.spectra import Spectrum, spectrum
from beamline.records.store import Records
from beamline.records.worlds import World, worlds

__all__ = [
    "BY_NATURE",
    "FORMAT_VERSION",
    "CatalogError",
    "CatalogOwner",
    "CheckReport",
    "CodecError",
    "CouponRecord",
    "Criteria",
    "Damage",
    "Difference",
    "Document",
    "Endpoint",
    "FileLock",
    "FlushReport",
    "Footprint",
    "Ingested",
    "KeepOut",
    "Ledger",
    "LogWriteError",
    "LogWriter",
    "Pacer",
    "Quantities",
    "Rebuilt",
    "ReconstructedWarning",
    "RecordError",
    "Records",
    "Recovered",
    "ReplayClock",
    "Run",
    "RunLog",
    "SiteRecord",
    "SiteState",
    "Spectrum",
    "StoredStream",
    "SyncPolicy",
    "World",
    "axis_of",
    "check_catalog",
    "check_logs",
    "close_catalog",
    "close_orphans",
    "corrected_axis",
    "crowding",
    "damaged_serials",
    "find_runs",
    "find_uids_in_catalog",
    "footprints",
    "is_held",
    "iter_run",
    "keep_warnings",
    "mark",
    "open_catalog",
    "read_run",
    "rebuild_catalog",
    "refusals",
    "replay",
    "response_of",
    "session_lock",
    "spectrum",
    "stored_streams",
    "true_temperature_C",
    "turned_back",
    "usable_folder",
    "used_calibrations",
    "worlds",
]
