"""The results of a study: one line of JSON a night, written when the night is over. What is there is not lived again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from beamline.studies.night import NightRow, StudyError

__all__ = ["RowFile", "RowFileError"]


class RowFileError(StudyError):
    """The file is not one of ours, or cannot be read or written.

    To do: give another file, or move this one away.
    """


class RowFile:
    """The file of a study.

    A last line that was not written to its end, because the machine went down meanwhile, is cut off.

    Args:
        path: made where it is missing, with its folder.

    Raises:
        RowFileError: it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_bytes() if path.exists() else b""
            whole = text[: text.rfind(b"\n") + 1]
            self.rows = [self._row(number, line) for number, line in enumerate(whole.splitlines(), start=1)]
            if len(whole) < len(text):  # only of a file that is ours, as its other lines say
                os.truncate(path, len(whole))
            path.touch()
        except OSError as error:
            raise RowFileError(f"{path}: {error.strerror}; give another --out") from error

    def _row(self, number: int, line: bytes) -> NightRow:
        try:
            return NightRow.model_validate_json(line)
        except ValidationError as error:
            raise RowFileError(
                f"{self.path}, line {number}: no result of a study ({error.error_count()} mistakes); take the line out, or "
                "give another --out"
            ) from error

    def add(self, rows: Sequence[NightRow]) -> None:
        """Append, and see that it is on the disk.

        Raises:
            RowFileError: it cannot be written.
        """
        try:
            with self.path.open("ab") as file:
                file.write("".join(row.to_json() + "\n" for row in rows).encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RowFileError(f"{self.path}: {error.strerror}") from error
        self.rows += rows
