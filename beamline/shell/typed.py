"""What was typed in a session, kept beside the records: one file per session, for nobody but its owner (0600).

The file is Python as IPython takes it, with the time before each cell and what failed after it.
"""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["TypedLog", "shell_folder"]

_logger = logging.getLogger(__name__)


def shell_folder(data: Path) -> Path:
    """Where sessions keep what is theirs: what was typed, IPython's history; made here, for the owner only."""
    folder = data / "shell"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


class TypedLog:
    """Appends each cell as it is run. What cannot be written is logged, and the cell is run all the same.

    Args:
        data: the records folder.
        kind: of the instrument; stands in the first line.
    """

    def __init__(self, data: Path, kind: str) -> None:
        now = datetime.now(UTC).astimezone()
        self.path = shell_folder(data) / f"typed-{now:%Y-%m-%dT%H-%M-%S}-{os.getpid()}.py"
        self._append(f"# vitrail shell, {kind}, {now.isoformat(timespec='seconds')}\n")

    def install(self, shell: Any) -> None:
        """Take part in an IPython shell."""
        shell.events.register("pre_run_cell", self.before)
        shell.events.register("post_run_cell", self.after)

    def before(self, info: Any) -> None:
        """A cell is about to run."""
        now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
        self._append(f"\n# {now}\n{info.raw_cell.rstrip()}\n")

    def after(self, result: Any) -> None:
        """It has run."""
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            words = " ".join(str(error).split())
            self._append(f"# failed: {type(error).__name__}: {words[:500]}\n")

    def _append(self, text: str) -> None:
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, text.encode())
            finally:
                os.close(descriptor)
        except OSError:
            _logger.exception("%s could not be written", self.path)
