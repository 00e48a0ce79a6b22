"""What one instrument is: the model of `instrument.toml`. Without a file it is the simulated bench with its defaults."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from beamline.campaign import InstrumentTimes
from beamline.recipe import Frozen, Serial
from devices import Geometry

__all__ = ["Instrument", "TwinSettings"]


class TwinSettings(Frozen):
    """The simulated bench."""

    seed: (
        Annotated[int, Field(strict=True, ge=0, le=2**63 - 1, description="of its hidden truth; absent: the campaign's")]
        | None
    ) = None


class Instrument(Frozen):
    """One instrument: its name, what it is, where things are on it, and how long its moves take.

    `kind` knows only the simulated bench so far: drivers for hardware come with their own pages and checks.
    """

    name: Serial = "simulated-bench"
    kind: Literal["twin"] = "twin"
    twin: TwinSettings = TwinSettings()
    geometry: Geometry = Geometry()
    times: InstrumentTimes = InstrumentTimes()


class InstrumentFileError(ValueError):
    pass


def load_instrument(file):
    raise NotImplementedError
