"""Where records lie in their folder, and what a log file is called.

FOLDER/log/20260105T213000.123456Z_<uid>.vlog   one file per run: the truth
FOLDER/catalog/                                 the Tiled catalog: an index, made again from the logs at any time
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from beamline.records.errors import RecordError

__all__ = ["SUFFIX", "Layout", "log_name", "uid_of"]

SUFFIX: Final = ".vlog"
_UID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_NAME: Final = re.compile(r"\d{8}T\d{6}\.\d{6}Z_([A-Za-z0-9][A-Za-z0-9-]{0,63})")


@dataclass(frozen=True)
class Layout:
    """Paths within a record folder."""

    folder: Path

    @classmethod
    def of(cls, folder: Path | str) -> Layout:
        """The layout of a folder, given as anything that names a path."""
        return cls(Path(folder).expanduser().absolute())

    @property
    def logs(self) -> Path:
        """Folder of the log files."""
        return self.folder / "log"

    @property
    def catalog(self) -> Path:
        """Folder of the catalog and of all that belongs to its owner."""
        return self.folder / "catalog"

    @property
    def arrays(self) -> Path:
        """Where the catalog keeps its arrays, in a folder per run."""
        return self.catalog / "arrays"

    def log_files(self) -> list[Path]:
        """The log files in the order of their start; none where there is no folder yet."""
        if not self.logs.is_dir():
            return []
        return sorted(path for path in self.logs.iterdir() if path.suffix == SUFFIX and _NAME.fullmatch(path.stem))


def log_name(start: dict[str, Any]) -> str:
    """File name of a run, from its start document: sorts by time, and leaves no folder.

    Raises:
        RecordError: the uid is not one to be part of a file name, or the time is no time.
    """
    uid, time = start.get("uid"), start.get("time")
    if not isinstance(uid, str) or not _UID.fullmatch(uid):
        raise RecordError(f"uid {uid!r} of the start document: allowed are 1 to 64 letters, digits and '-'")
    if isinstance(time, bool) or not isinstance(time, int | float) or not math.isfinite(time):
        raise RecordError(f"time {time!r} of the start document: allowed are seconds since 1970 (UTC)")
    try:
        moment = datetime.fromtimestamp(float(time), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise RecordError(f"time {time!r} s of the start document is not within the years 1 to 9999") from error
    return f"{moment:%Y%m%dT%H%M%S.%fZ}_{uid}{SUFFIX}"


def uid_of(path: Path) -> str | None:
    """The run that a file name speaks of, or None where it is not the name of a log."""
    match = _NAME.fullmatch(path.stem)
    return match[1] if match and path.suffix == SUFFIX else None
