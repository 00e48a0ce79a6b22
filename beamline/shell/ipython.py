"""How IPython is set up for the instrument; the profile's `ipython_config.py` and `vitrail shell` both call this."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from beamline.shell.paint import has_colours
from beamline.shell.typed import shell_folder

__all__ = ["configure"]


def configure(config: Any) -> None:
    """Fill in an IPython configuration.

    Jedi is off: it would evaluate what stands before the dot, and a device's properties ask the instrument.
    """
    config.TerminalIPythonApp.display_banner = False  # ours is printed when the session is open
    config.InteractiveShell.colors = "linux" if has_colours() else "nocolor"
    config.TerminalInteractiveShell.confirm_exit = True
    config.TerminalInteractiveShell.display_completions = "column"  # the one that says something beside each name
    config.IPCompleter.use_jedi = False
    try:
        history = shell_folder(Path(os.environ.get("VITRAIL_DATA", "vitrail-data"))) / "history.sqlite"
        os.close(os.open(history, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError:  # no session can be opened there: `begin` says why
        config.HistoryManager.enabled = False
    else:
        config.HistoryManager.hist_file = str(history)
