"""The registers of a coupon carousel's PLC: a map of our own, to be defined on the PLC; docs/reference/drivers/carousel.md.

Holding registers, read and written as one block each: a command is written in one go, and its number last in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from devices.errors import CommunicationError
from devices.protocols import Station

__all__ = [
    "COMMAND",
    "MAP_VERSION",
    "N_STATE",
    "STATE",
    "STATIONS",
    "CarouselState",
    "Result",
    "parse_state",
    "result_of",
]

MAP_VERSION = 1
STATE, N_STATE = 0, 8
"""First register of the state, and how many: version, phase, fault, slot at the stage, slot in the furnace, number of
slots, number of the last command taken, its result."""
COMMAND = 16
"""First of the three registers of a command: slot, station, number."""

STATIONS: tuple[Station, ...] = ("rack", "stage", "furnace")
"""By the value of the station's register, from 1."""

Phase = Literal["idle", "moving", "fault", "not homed"]
PHASES: tuple[Phase, ...] = ("idle", "moving", "fault", "not homed")

Result = Literal[
    "accepted", "done", "no such slot", "occupied", "busy", "door locked", "not homed", "not there", "failed"
]
RESULTS: tuple[Result, ...] = (
    "accepted",
    "done",
    "no such slot",
    "occupied",
    "busy",
    "door locked",
    "not homed",
    "not there",
    "failed",
)


@dataclass(frozen=True)
class CarouselState:
    """What the PLC says.

    Attributes:
        phase: what it does.
        fault: its own number of what is wrong, 0 for nothing.
        at_stage: number of the slot whose coupon is there, 0 for none.
        in_furnace: the same.
        n_slots: how many it has.
        command: number of the last command that it took up, 0 since it was switched on.
        result: what became of it.
    """

    phase: Phase
    fault: int
    at_stage: int
    in_furnace: int
    n_slots: int
    command: int
    result: Result


def result_of(result: Result) -> int:
    """The value of the register."""
    return RESULTS.index(result)


def parse_state(values: Sequence[int]) -> CarouselState:
    """The state from its registers.

    Raises:
        CommunicationError: they are no state of this map.
    """
    if len(values) != N_STATE:
        raise CommunicationError(f"{len(values)} registers, {N_STATE} are due; is the map defined on the PLC?")
    version, phase, fault, at_stage, in_furnace, n_slots, command, result = values
    if version != MAP_VERSION:
        raise CommunicationError(
            f"register {STATE} holds {version}, the map's version is {MAP_VERSION}; is it the carousel's PLC?"
        )
    if phase >= len(PHASES) or result >= len(RESULTS):
        raise CommunicationError(
            f"phase {phase} or result {result} is none of the map's; compare the PLC with the page"
        )
    if max(at_stage, in_furnace) > n_slots or (at_stage and at_stage == in_furnace):
        raise CommunicationError(
            f"slots {at_stage} at the stage and {in_furnace} in the furnace, of {n_slots}: that cannot be; look at the "
            "carousel"
        )
    return CarouselState(PHASES[phase], fault, at_stage, in_furnace, n_slots, command, RESULTS[result])
