"""Manual runs into the records: all of them, or nothing.

The logs are written in a folder of their own beside the records' (`.import-UID.part`). Its new name (`.import-UID.ready`) is the
moment from which they count; then they are moved to the other logs, the run that begins the campaign last. What a killed import
left is finished, or thrown away, by the next.
"""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

from beamline.imports.documents import record
from beamline.imports.manual import ManualRuns
from beamline.imports.table import ImportFileError
from beamline.problems import Problem
from beamline.records import FileLock, Ledger, LogWriter, Records, SiteState, session_lock

__all__ = ["AlreadyImportedError", "BusyError", "bring_in", "check_against"]


class AlreadyImportedError(ValueError):
    """The same contents are in the records already.

    To do: nothing: they are there.
    """


class BusyError(RuntimeError):
    """A session works with the records.

    To do: wait until the session ends, then ask again.
    """


def bring_in(records: Records, runs: ManualRuns, *, name: str, by: str, now: datetime, after: str | None = None) -> str:
    """Write manual runs into the records.

    Args:
        records: where to.
        runs: checked already.
        name: of the campaign that they make up.
        by: who imports them.
        now: when.
        after: uid of an earlier campaign in whose line they stand: who goes on from them learns that one too.

    Returns:
        The campaign's uid.

    Raises:
        AlreadyImportedError: the records hold just these.
        ImportFileError: a site has been exposed already, or a coupon is of another glass, as the records have it.
        BusyError: a session works with the records.
        LogWriteError: the disk refuses.
    """
    folder = records.folder
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(session_lock(folder))
    if not lock.acquire():
        raise BusyError(f"a session works with {folder}: import when it has ended")
    try:
        _finish(folder)
        check_against(records, runs)
        draft = folder / f".import-{runs.campaign_uid}.part"
        with LogWriter(draft) as writer:
            record(writer, runs, name=name, by=by, now=now, after=after)
        draft.rename(draft.with_suffix(".ready"))
        _finish(folder)
    finally:
        lock.release()
    return runs.campaign_uid


def check_against(records: Records, runs: ManualRuns) -> None:
    """Whether the records can take these runs.

    Raises:
        AlreadyImportedError: they hold just these.
        ImportFileError: a site has been exposed already, or a coupon is of another glass.
    """
    for run in records.runs(purpose="import", campaign=runs.campaign_uid):
        start = run.start
        raise AlreadyImportedError(
            f"{runs.source.name} with all its files was imported on {start['start_time']} by {start['import']['by']}, "
            f"as campaign {start['campaign']['name']} ({runs.campaign_uid[:8]})"
        )
    ledger = Ledger.of(records.runs())
    problems = []
    for coupon in runs.coupons:
        serial, glass = coupon.coupon.serial, coupon.coupon.glass
        known = ledger.coupon(serial).glass
        if known is not None and known != glass:
            text = f"the records have {serial} of glass {known.name} ({known.bromide:g} Br, {known.iodide:g} I)"
            problems.append(Problem("coupon", text, f"row {coupon.sites[0].row}"))
        for site in coupon.sites:
            before = ledger.site(serial, site.site.name)
            if before.state not in (SiteState.BLANK, SiteState.INTENDED):
                text = (
                    f"the records have {site.site.name} of {serial} as {before.state} already, in run {before.runs[-1]}"
                )
                problems.append(Problem("site", text, f"row {site.row}"))
    if problems:
        raise ImportFileError(runs.source.name, problems)


def _finish(folder: Path) -> None:
    """What a killed import left: finished where all its logs were written, thrown away where not."""
    for draft in folder.glob(".import-*.part"):
        shutil.rmtree(draft)
    for ready in sorted(folder.glob(".import-*.ready")):
        logs = folder / "log"
        logs.mkdir(exist_ok=True)
        for path in sorted((ready / "log").iterdir(), reverse=True):  # the first run last: by it a campaign is found
            path.rename(logs / path.name)
        shutil.rmtree(ready)
