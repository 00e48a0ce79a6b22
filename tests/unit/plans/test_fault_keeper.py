"""The policy for faults by itself: plans that fail as told, an engine of a few lines, and time that passes when one sleeps."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from bluesky.utils import FailedStatus, IllegalMessageSequence, Msg

from beamline.campaign.policy import FaultPolicy, FaultRule, Step
from beamline.campaign.state import CampaignEvent, Recover, Resume, Wait
from beamline.safety import MonitorError
from devices import CommunicationError, DeviceError, RefusedError, StuckError
from plans import NightLabel
from plans.policy import (
    MOST_LATE_FAILURES,
    BudgetError,
    FaultKeeper,
    LeftOutError,
    NotSafeError,
    despite_late_failures,
    device_fault,
    kind_of,
)

STUCK = StuckError("x does not follow")
LABEL = NightLabel("night", "uid-1", {"vitrail": "1"})


class Engine:
    """Carries messages out, notes them, and throws what was told into those of one kind."""

    def __init__(self) -> None:
        self.now_s = 50.0
        self.messages: list[Msg] = []
        self.late: list[tuple[str, Exception]] = []

    def run(self, plan: Any) -> Any:
        try:
            msg = next(plan)
            while True:
                self.messages.append(msg)
                if self.late and self.late[0][0] == msg.command:
                    msg = plan.throw(self.late.pop(0)[1])
                    continue
                if msg.command == "sleep":
                    self.now_s += msg.args[0]
                msg = plan.send(None)
        except StopIteration as end:
            return end.value

    @property
    def commands(self) -> list[str]:
        return [msg.command for msg in self.messages if msg.command != "null"]


class Rig:
    def __init__(self, policy: FaultPolicy | None, **options: Any) -> None:
        self.engine = Engine()
        self.told: list[CampaignEvent] = []
        self.n_made = 0
        bench: Any = SimpleNamespace(clock=self.engine, clock_s="clock_s", site_name="site_name")
        self.keeper = FaultKeeper(bench, policy, tell=self.told.append, **options)

    def attempt(self, step: Step, *errors: Exception, in_run: bool = True, may_repeat: bool = True) -> Any:
        """A plan that fails by one error after another, and then gives "done"."""
        left = list(errors)

        def make() -> Any:
            self.n_made += 1
            yield Msg("act")
            if left:
                raise left.pop(0)
            return "done"

        return self.engine.run(self.keeper.attempt(step, make, in_run=in_run, may_repeat=may_repeat))

    @property
    def notes(self) -> list[tuple[str, str, str, str]]:
        """Those of events and of runs of their own, in order."""
        return [
            (msg.kwargs["fault"], msg.kwargs["step"], msg.kwargs["then"], msg.kwargs["words"])
            for msg in self.engine.messages
            if msg.command == "open_run"
        ]


def policy(**options: Any) -> FaultPolicy:
    return FaultPolicy(**{"retries": 2, "retry_wait_s": 30.0, **options})


def failed_status(cause: Exception) -> FailedStatus:
    error = FailedStatus("a status")
    error.__cause__ = cause
    return error


# --------------------------------------------------------------------------------------------------------- what counts
def test_only_what_is_a_device_s_is_a_fault() -> None:
    assert device_fault(STUCK) is STUCK
    assert device_fault(failed_status(STUCK)) is STUCK
    for other in (ValueError("a bug"), failed_status(ValueError("a bug")), MonitorError("it waited"), BudgetError("x")):
        assert device_fault(other) is None
    not_safe = NotSafeError("open")
    not_safe.__cause__ = STUCK
    assert device_fault(not_safe) is None


@pytest.mark.parametrize(("fault", "kind"), [(STUCK, "stuck"), (CommunicationError("x"), "communication")])
def test_a_kind_is_spelled_as_in_a_campaign_file(fault: DeviceError, kind: str) -> None:
    assert kind_of(fault) == kind


# --------------------------------------------------------------------------------------------------------------- tries
def test_what_goes_well_is_not_noticed() -> None:
    rig = Rig(policy())
    assert rig.attempt("measure") == "done"
    assert (rig.engine.commands, rig.told, rig.keeper.n_faults) == (["act"], [], 0)


def test_without_a_policy_every_error_goes_on_as_it_is() -> None:
    rig = Rig(None)
    assert rig.attempt("measure") == "done"
    with pytest.raises(StuckError):
        rig.attempt("measure", STUCK)
    assert rig.engine.commands == ["act", "act"]


def test_what_is_no_device_s_ends_the_night_as_it_is() -> None:
    rig = Rig(policy())
    with pytest.raises(ValueError, match="a bug"):
        rig.attempt("measure", ValueError("a bug"))
    assert (rig.engine.commands, rig.keeper.n_faults, rig.told) == (["act"], 0, [])


def test_a_fault_is_recorded_waited_out_and_tried_again() -> None:
    rig = Rig(policy())
    assert rig.attempt("measure", STUCK, failed_status(CommunicationError("no answer"))) == "done"
    one = ["create", "read", "read", "read", "save", "sleep"]
    assert rig.engine.commands == ["act", *one, "act", *one, "act"]
    create = next(msg for msg in rig.engine.messages if msg.command == "create")
    assert create.kwargs["name"] == "faults"
    read = [msg.obj for msg in rig.engine.messages if msg.command == "read"]
    assert read[:3] == ["clock_s", "site_name", rig.keeper.note]
    assert [msg.args for msg in rig.engine.messages if msg.command == "sleep"] == [(30.0,), (30.0,)]
    why = ("StuckError: x does not follow", "CommunicationError: no answer (during a status)")
    assert rig.told == [
        Recover(at_s=50.0, reason=why[0], ends_when="it is tried again after 30 s"),
        Recover(at_s=80.0, reason=why[1], ends_when="it is tried again after 30 s"),
        Resume(at_s=110.0),
    ]
    note = rig.keeper.note
    assert [word.get() for word in (note.kind_of_fault, note.step, note.then, note.words)] == [
        "communication",
        "measure",
        "retry",
        why[1],
    ]
    assert rig.keeper.n_faults == 2


@pytest.mark.parametrize(("retries", "n_made"), [(0, 1), (1, 2), (2, 3)])
def test_when_trying_has_not_helped_the_site_is_left_out(retries: int, n_made: int) -> None:
    rig = Rig(policy(retries=retries))
    with pytest.raises(LeftOutError, match="StuckError: x does not follow") as left:
        rig.attempt("measure", *[STUCK] * 5)
    assert left.value.then == "skip_site"
    assert str(left.value) == "StuckError: x does not follow"
    assert left.value.__cause__ is STUCK
    assert rig.n_made == n_made
    assert rig.keeper.note.then.get() == "skip_site"
    kinds = [event.kind for event in rig.told]
    assert kinds == ["recover"] * retries + ["resume"] * bool(retries), "a state that was told is gone on from"
    if retries:
        assert rig.told[-1] == Resume(at_s=50.0 + 30.0 * retries)


def test_what_fires_is_not_tried_again_and_tells_of_no_recovery() -> None:
    rig = Rig(policy(write="skip_coupon"))
    with pytest.raises(LeftOutError) as left:
        rig.attempt("write", STUCK, may_repeat=False)
    assert (left.value.then, rig.n_made, rig.told) == ("skip_coupon", 1, [])


def test_a_rule_is_followed_at_once() -> None:
    rule = FaultRule(fault="stuck", step="measure", then="skip_coupon")
    rig = Rig(policy(rule=(rule,)))
    with pytest.raises(LeftOutError) as left:
        rig.attempt("measure", STUCK)
    assert (left.value.then, rig.n_made) == ("skip_coupon", 1)
    with pytest.raises(LeftOutError) as left:
        rig.attempt("measure", *[RefusedError("no")] * 3)
    assert (left.value.then, rig.n_made) == ("skip_site", 4)


def test_a_stop_raises_what_the_plan_raised() -> None:
    rig = Rig(policy(retries=1, carry="stop"))
    last = failed_status(STUCK)
    with pytest.raises(FailedStatus) as raised:
        rig.attempt("carry", STUCK, last)
    assert raised.value is last
    assert rig.keeper.note.then.get() == "stop"


# ------------------------------------------------------------------------------------------------------ an operator
def test_somebody_is_waited_for_and_it_is_tried_every_minute() -> None:
    rig = Rig(policy(retries=0, carry="ask", operator_within_h=2.0))
    assert rig.attempt("carry", *[STUCK] * 4, in_run=False) == "done"
    assert [msg.args[0] for msg in rig.engine.messages if msg.command == "sleep"] == [60.0] * 4
    assert rig.told == [
        Wait(
            at_s=50.0,
            reason="StuckError: x does not follow",
            ends_when="it works again, which is tried every 60 s; after 2 h the night ends",
        ),
        Resume(at_s=290.0),
    ]
    assert rig.keeper.n_faults == 1, "what is tried meanwhile is not counted"


def test_nobody_comes() -> None:
    rig = Rig(policy(retries=0, carry="ask", operator_within_h=0.05), label=LABEL)
    last = RefusedError("jammed")
    with pytest.raises(RefusedError) as raised:
        rig.attempt("carry", *[STUCK] * 3, last, in_run=False)
    assert raised.value is last
    assert rig.engine.now_s == 50.0 + 180.0
    assert rig.notes == [
        ("stuck", "carry", "ask", "StuckError: x does not follow"),
        ("refused", "carry", "stop", "RefusedError: jammed"),
    ]


def test_within_a_run_what_nobody_came_for_is_an_event_of_it() -> None:
    rig = Rig(policy(retries=0, measure="stop", carry="ask", operator_within_h=0.01), label=LABEL)
    with pytest.raises(StuckError):
        rig.attempt("carry", *[STUCK] * 2)
    assert rig.notes == []
    assert rig.engine.commands.count("save") == 2


def test_a_bug_while_somebody_is_waited_for_ends_it() -> None:
    rig = Rig(policy(retries=0, carry="ask"))
    with pytest.raises(ValueError, match="a bug"):
        rig.attempt("carry", STUCK, ValueError("a bug"))


# ------------------------------------------------------------------------------------------------ records and budget
def test_between_runs_a_fault_is_a_run_of_its_own() -> None:
    rig = Rig(policy(retries=1), label=LABEL)
    assert rig.attempt("carry", STUCK, in_run=False) == "done"
    assert rig.engine.commands == ["act", "open_run", "close_run", "sleep", "act"]
    opened = rig.engine.messages[[msg.command for msg in rig.engine.messages].index("open_run")]
    assert opened.kwargs == {
        **LABEL.metadata("fault", 50.0),
        "fault": "stuck",
        "step": "carry",
        "then": "retry",
        "words": "StuckError: x does not follow",
    }
    assert Rig(policy()).attempt("carry", STUCK, in_run=False) == "done", "without a label there is nobody to tell"


def test_more_faults_than_the_budget_end_the_night_and_the_last_is_recorded_as_that() -> None:
    rig = Rig(policy(budget=2, retries=20), label=LABEL)
    with pytest.raises(BudgetError, match=r"^3 faults, and the campaign allows 2; the last: StuckError: x") as raised:
        rig.attempt("carry", *[STUCK] * 9, in_run=False)
    assert raised.value.__suppress_context__
    assert [then for _, _, then, _ in rig.notes] == ["retry", "retry", "stop"]
    assert rig.n_made == 3


def test_the_count_goes_on_from_an_earlier_part_of_the_night() -> None:
    rig = Rig(policy(budget=2), n_faults=2)
    with pytest.raises(BudgetError, match="3 faults"):
        rig.attempt("measure", STUCK)


# ------------------------------------------------------------------------------------------------------ late failures
def test_failures_that_nobody_waits_for_any_more_do_not_end_a_wait() -> None:
    rig = Rig(policy())
    rig.engine.late = [("sleep", STUCK), ("sleep", failed_status(STUCK))]
    rig.engine.run(rig.keeper.settle(5.0))
    assert rig.engine.commands == ["sleep"] * 3
    rig.engine.late = [("sleep", ValueError("a bug"))]
    with pytest.raises(ValueError, match="a bug"):
        rig.engine.run(rig.keeper.settle(5.0))


def test_a_wait_that_fails_for_ever_ends() -> None:
    rig = Rig(policy())
    rig.engine.late = [("sleep", STUCK)] * 1000
    rig.engine.run(rig.keeper.settle(5.0))
    assert rig.engine.commands == ["sleep"] * MOST_LATE_FAILURES


def noting() -> Any:
    yield Msg("note")
    return "noted"


def test_what_is_noted_of_a_fault_survives_the_second_failure_of_the_same_status() -> None:
    engine = Engine()
    engine.late = [("null", STUCK), ("note", STUCK), ("note", failed_status(STUCK))]
    assert engine.run(despite_late_failures(noting)) == "noted"
    assert engine.commands == ["note"] * 3
    assert [msg.command for msg in engine.messages] == ["null", "null", "note", "null", "note", "null", "note"]


@pytest.mark.parametrize("command", ["null", "note"])
@pytest.mark.parametrize("error", [ValueError("a bug"), IllegalMessageSequence("not now")])
def test_what_is_no_late_failure_is_raised(command: str, error: Exception) -> None:
    engine = Engine()
    engine.late = [(command, error)]
    with pytest.raises(type(error), match=str(error)):
        engine.run(despite_late_failures(noting))


@pytest.mark.parametrize("command", ["null", "note"])
def test_failures_without_end_are_taken_for_what_they_are(command: str) -> None:
    engine = Engine()
    engine.late = [(command, STUCK)] * 10_000
    if command == "null":
        assert engine.run(despite_late_failures(noting)) == "noted"
        assert len(engine.messages) == MOST_LATE_FAILURES + 1
    else:
        with pytest.raises(StuckError):
            engine.run(despite_late_failures(noting))
        assert engine.commands == ["note"] * (MOST_LATE_FAILURES + 1)


def test_a_keeper_that_tells_nobody_still_keeps() -> None:
    bench: Any = SimpleNamespace(clock=Engine(), clock_s="clock_s", site_name="site_name")
    tries: list[int] = []

    def make() -> Any:
        yield Msg("act")
        tries.append(1)
        if len(tries) == 1:
            raise STUCK
        return "done"

    attempt: Callable[[], Any] = lambda: FaultKeeper(bench, policy()).attempt("measure", make, in_run=True)  # noqa: E731
    assert Engine().run(attempt()) == "done"
