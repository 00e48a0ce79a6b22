"""The states of a campaign and the steps between them: frozen states, frozen events, one pure function.

A state carries since when it holds (`since_s`, seconds since the campaign began) and, where someone will ask, why.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from beamline.recipe import Frozen, quantity

__all__ = [
    "CampaignEvent",
    "CampaignState",
    "Done",
    "Fail",
    "Failed",
    "Finish",
    "Pause",
    "Paused",
    "Planned",
    "Recover",
    "Recovering",
    "Resume",
    "Running",
    "Start",
    "Stop",
    "Stopped",
    "TransitionError",
    "Wait",
    "Waiting",
    "is_final",
    "next_state",
]

Seconds = Annotated[float, quantity("s", "since the campaign began", ge=0)]
Reason = Annotated[str, Field(min_length=1)]


# ----------------------------------------------------------------------------------------------------------- states
class Planned(Frozen):
    """Checked, not yet begun."""

    kind: Literal["planned"] = "planned"


class Running(Frozen):
    """At work."""

    kind: Literal["running"] = "running"
    since_s: Seconds


class Paused(Frozen):
    """Waiting, for the reason given, until something is over: a door is closed, a temperature has come down."""

    kind: Literal["paused"] = "paused"
    since_s: Seconds
    reason: Reason
    ends_when: Reason


class Waiting(Frozen):
    """Waiting for the operator."""

    kind: Literal["waiting"] = "waiting"
    since_s: Seconds
    reason: Reason
    ends_when: Reason


class Recovering(Frozen):
    """After a fault, or after an interruption: something is done again or made good."""

    kind: Literal["recovering"] = "recovering"
    since_s: Seconds
    reason: Reason
    ends_when: Reason


class Stopped(Frozen):
    """Ended by someone before its stop rules did."""

    kind: Literal["stopped"] = "stopped"
    since_s: Seconds
    reason: Reason


class Done(Frozen):
    """Ended by its stop rules."""

    kind: Literal["done"] = "done"
    since_s: Seconds
    reason: Reason


class Failed(Frozen):
    """Ended by something that went wrong."""

    kind: Literal["failed"] = "failed"
    since_s: Seconds
    reason: Reason


CampaignState = Annotated[
    Planned | Running | Paused | Waiting | Recovering | Stopped | Done | Failed, Field(discriminator="kind")
]


# ----------------------------------------------------------------------------------------------------------- events
class Start(Frozen):
    """The campaign begins."""

    kind: Literal["start"] = "start"
    at_s: Seconds = 0.0


class Pause(Frozen):
    """Something makes it wait."""

    kind: Literal["pause"] = "pause"
    at_s: Seconds
    reason: Reason
    ends_when: Reason


class Wait(Frozen):
    """It cannot go on without the operator."""

    kind: Literal["wait"] = "wait"
    at_s: Seconds
    reason: Reason
    ends_when: Reason


class Recover(Frozen):
    """Something failed or was interrupted, and is made good."""

    kind: Literal["recover"] = "recover"
    at_s: Seconds
    reason: Reason
    ends_when: Reason


class Resume(Frozen):
    """What made it wait is over."""

    kind: Literal["resume"] = "resume"
    at_s: Seconds


class Stop(Frozen):
    """Someone ends it."""

    kind: Literal["stop"] = "stop"
    at_s: Seconds
    reason: Reason


class Finish(Frozen):
    """A stop rule is met."""

    kind: Literal["finish"] = "finish"
    at_s: Seconds
    reason: Reason


class Fail(Frozen):
    """It cannot go on."""

    kind: Literal["fail"] = "fail"
    at_s: Seconds
    reason: Reason


CampaignEvent = Annotated[Start | Pause | Wait | Recover | Resume | Stop | Finish | Fail, Field(discriminator="kind")]

ALLOWED: dict[str, tuple[str, ...]] = {
    "planned": ("start", "stop", "fail"),
    "running": ("pause", "wait", "recover", "stop", "finish", "fail"),
    "paused": ("resume", "wait", "stop", "fail"),
    "waiting": ("resume", "pause", "stop", "fail"),
    "recovering": ("recover", "wait", "pause", "resume", "stop", "fail"),
    "stopped": ("recover",),
    "done": (),
    "failed": ("recover",),
}
"""Which events each state takes. What waits does not finish: it resumes first, or is stopped. A night that was stopped or
has failed can be taken up again (`vitrail campaign resume`); one that is done cannot."""
HAS_ENDED = frozenset({"stopped", "done", "failed"})


class TransitionError(ValueError):
    """An event that does not fit the state, or lies before it.

    To do: `vitrail records check`: the records of this night contradict each other.
    """


def next_state(state: CampaignState, event: CampaignEvent) -> CampaignState:  # noqa: PLR0911  # one for each event
    """The state after an event.

    Raises:
        TransitionError: the state does not take this event, or the event lies before the state began.
    """
    if event.kind not in ALLOWED[state.kind]:
        takes = ", ".join(ALLOWED[state.kind]) or "nothing: it is over"
        raise TransitionError(f"a campaign that is {state.kind} does not take {event.kind!r}; it takes {takes}")
    since_s = 0.0 if isinstance(state, Planned) else state.since_s
    if event.at_s < since_s:
        raise TransitionError(
            f"{event.kind!r} at {event.at_s:g} s lies before {state.kind!r}, which began at {since_s:g} s"
        )
    match event:
        case Start() | Resume():
            return Running(since_s=event.at_s)
        case Pause():
            return Paused(since_s=event.at_s, reason=event.reason, ends_when=event.ends_when)
        case Wait():
            return Waiting(since_s=event.at_s, reason=event.reason, ends_when=event.ends_when)
        case Recover():
            return Recovering(since_s=event.at_s, reason=event.reason, ends_when=event.ends_when)
        case Stop():
            return Stopped(since_s=event.at_s, reason=event.reason)
        case Finish():
            return Done(since_s=event.at_s, reason=event.reason)
        case Fail():
            return Failed(since_s=event.at_s, reason=event.reason)


def is_final(state: CampaignState) -> bool:
    """Whether nothing goes on any more."""
    return state.kind in HAS_ENDED
