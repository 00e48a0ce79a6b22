"""A record folder that the disk does not let us use is refused in words; the log of warnings that lies in it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beamline.records.errors import RecordError

__all__ = ["keep_warnings", "usable_folder"]


@contextmanager
def usable_folder(folder: Path) -> Iterator[None]:
    """What the disk refuses is said of the folder: it is of another user, read-only, full, or holds what is not ours.

    Raises:
        RecordError: the folder cannot be used.
    """
    try:
        yield
    except OSError as error:
        raise RecordError(
            f"{folder} cannot be used for records: {error}; give write access, or another --data"
        ) from error


def keep_warnings(folder: Path) -> None:
    """Warnings and tracebacks of this process go to `vitrail.log`, for whoever looks for the cause; the terminal has words.

    Raises:
        RecordError: the file cannot be written.
    """
    with usable_folder(folder):
        logging.basicConfig(filename=folder / "vitrail.log", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
