"""The states of a campaign: no event leads anywhere but where it may."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from pydantic import TypeAdapter
from strategies import words

from beamline.campaign import state as states
from beamline.campaign.state import (
    ALLOWED,
    CampaignEvent,
    CampaignState,
    Done,
    Fail,
    Failed,
    Finish,
    Pause,
    Paused,
    Planned,
    Recover,
    Recovering,
    Resume,
    Running,
    Start,
    Stop,
    Stopped,
    TransitionError,
    Wait,
    Waiting,
    is_final,
    next_state,
)

STATES = get_args(get_args(CampaignState)[0])
EVENTS = get_args(get_args(CampaignEvent)[0])
any_state = st.one_of([words(kind) for kind in STATES])
any_event = st.one_of([words(kind) for kind in EVENTS])


def test_the_table_names_every_state_and_only_events() -> None:
    assert set(ALLOWED) == {kind.model_fields["kind"].default for kind in STATES}
    assert {e for events in ALLOWED.values() for e in events} == {kind.model_fields["kind"].default for kind in EVENTS}


@given(state=any_state, event=any_event)
def test_a_step_is_taken_or_refused_with_words(state: CampaignState, event: CampaignEvent) -> None:
    may = event.kind in ALLOWED[state.kind] and event.at_s >= getattr(state, "since_s", 0)
    if not may:
        with pytest.raises(TransitionError, match=event.kind):
            next_state(state, event)
        return
    after = next_state(state, event)
    assert after.since_s == event.at_s  # type: ignore[union-attr]  # no event leads back to planned
    assert getattr(after, "reason", None) == getattr(event, "reason", None)
    assert getattr(after, "ends_when", None) == getattr(event, "ends_when", None)
    assert next_state(state, event) == after


@given(state=any_state)
def test_an_ended_campaign_takes_nothing(state: CampaignState) -> None:
    assert is_final(state) == isinstance(state, Stopped | Done | Failed)


@given(state=any_state)
def test_states_pass_through_json(state: CampaignState) -> None:
    adapter: TypeAdapter[CampaignState] = TypeAdapter(CampaignState)
    assert adapter.validate_json(state.to_json()) == state


def test_a_pause_says_why_and_since_when() -> None:
    running = next_state(Planned(), Start())
    paused = next_state(running, Pause(at_s=600, reason="interlock open", ends_when="the door is closed"))
    assert paused == Paused(since_s=600, reason="interlock open", ends_when="the door is closed")
    assert next_state(paused, Resume(at_s=900)) == Running(since_s=900)
    with pytest.raises(TransitionError, match="lies before 'paused', which began at 600 s"):
        next_state(paused, Resume(at_s=599))
    with pytest.raises(
        TransitionError, match="a campaign that is paused does not take 'finish'; it takes resume, wait, stop, fail"
    ):
        next_state(paused, Finish(at_s=700, reason="coupons used up"))


class Life(RuleBasedStateMachine):
    """A campaign lives: its time never falls, it starts once, and an end is an end."""

    def __init__(self) -> None:
        super().__init__()
        self.state: CampaignState = Planned()
        self.now_s = 0.0
        self.n_starts = 0

    def take(self, event: CampaignEvent) -> None:
        before = self.state
        self.state = next_state(before, event)
        assert not is_final(before) or isinstance(event, Recover)
        assert not isinstance(before, Done)
        assert self.state != before or isinstance(event, Pause | Recover)

    @rule(seconds=st.floats(0, 1e5))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds

    @precondition(lambda self: isinstance(self.state, Planned))
    @rule()
    def start(self) -> None:
        self.take(Start(at_s=self.now_s))
        self.n_starts += 1
        assert self.n_starts == 1

    @precondition(lambda self: isinstance(self.state, Running))
    @rule(reason=st.text(min_size=1))
    def pause(self, reason: str) -> None:
        self.take(Pause(at_s=self.now_s, reason=reason, ends_when="the door is closed"))
        assert isinstance(self.state, Paused)

    @precondition(lambda self: isinstance(self.state, Running | Paused | Recovering))
    @rule()
    def wait_for_the_operator(self) -> None:
        self.take(Wait(at_s=self.now_s, reason="carousel jammed", ends_when="it moves again"))
        assert isinstance(self.state, Waiting)

    @precondition(lambda self: isinstance(self.state, Running | Recovering | Stopped | Failed))
    @rule()
    def recover(self) -> None:
        self.take(Recover(at_s=self.now_s, reason="no reply", ends_when="the next try"))
        assert isinstance(self.state, Recovering)

    @precondition(lambda self: isinstance(self.state, Paused | Waiting | Recovering))
    @rule()
    def resume(self) -> None:
        self.take(Resume(at_s=self.now_s))
        assert isinstance(self.state, Running)

    @precondition(lambda self: isinstance(self.state, Running))
    @rule()
    def finish(self) -> None:
        self.take(Finish(at_s=self.now_s, reason="coupons used up"))

    @precondition(lambda self: not is_final(self.state))
    @rule(fails=st.booleans())
    def end(self, fails: bool) -> None:  # noqa: FBT001  # drawn
        self.take((Fail if fails else Stop)(at_s=self.now_s, reason="ended"))

    @precondition(lambda self: is_final(self.state))
    @rule(event=any_event)
    def nothing_after_the_end(self, event: CampaignEvent) -> None:
        if isinstance(event, Recover) and not isinstance(self.state, Done):
            return  # a night that was interrupted may be taken up again
        with pytest.raises(TransitionError, match=r"it takes (nothing: it is over|recover)"):
            next_state(self.state, event)


TestLife = Life.TestCase


def test_the_module_exports_every_state_and_event() -> None:
    assert {kind.__name__ for kind in (*STATES, *EVENTS)} <= set(states.__all__)
