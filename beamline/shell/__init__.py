"""The IPython session at the instrument: what `vitrail shell` opens, and what the profile in `profile/` begins.

`configure` sets IPython up, `begin` opens the session and gives the names that it has at hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from beamline.shell.ipython import configure
    from beamline.shell.start import abandon, begin, prepare

__all__ = ["abandon", "begin", "configure", "prepare"]

_HOME = {"abandon": "start", "begin": "start", "configure": "ipython", "prepare": "start"}


def __getattr__(name: str) -> Any:
    import importlib  # noqa: PLC0415  # as cheap as the lazy names themselves

    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"beamline.shell.{_HOME[name]}"), name)
