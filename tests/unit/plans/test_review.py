"""A night asks before each coupon: what is answered is done, what nobody answers ends as the file says, a resumed night asks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bluesky.utils import Msg
from small_campaigns import small_campaign

from beamline.audit import read_audit
from beamline.campaign import Campaign, parse_campaign
from beamline.campaign.answering import give
from beamline.campaign.asked import Ask, ask
from beamline.campaign.question import Question, open_question, question_path
from beamline.campaign.state import CampaignState
from beamline.campaign.state_file import read_state
from beamline.decisions import redecide
from beamline.instrument import Instrument
from beamline.night import optimizer_of, run_night
from beamline.records import Records
from beamline.resume import open_resumed, resume_night
from beamline.safety import AskedMonitor
from beamline.session import open_session
from plans import NightLabel
from plans.review import LOOK_EVERY_S, NOBODY, Desk, Standing

UID = "11111111-2222-3333-4444-555555555555"
WAIT_s = 60.0


def asking(otherwise: str = "approve", *, n_coupons: int = 1) -> Campaign:
    return parse_campaign(
        small_campaign(
            "asks", n_coupons=n_coupons, more=f'[review]\nask = true\nwait_s = {WAIT_s}\notherwise = "{otherwise}"'
        )
    )


# ------------------------------------------------------------------------------------------------- one question, no engine
class Hand:
    """A clock that is moved by hand."""

    now_s = 0.0


class Waits:
    """Carries out the messages of a question by a virtual clock, and keeps what it was told."""

    def __init__(self, folder: Path, campaign: Campaign) -> None:
        self.folder, self.told, self.aborts, self.clocks = folder, [], [], []
        self.state = "running"
        self.desk = Desk(folder, self.tell, lambda: self.state, self.abort, self.clock)
        optimizer = optimizer_of(campaign)
        night = SimpleNamespace(
            campaign=campaign,
            label=NightLabel("asks", UID, {}),
            n_done=0,
            coupons=list(campaign.coupons),
            bench=SimpleNamespace(clock=SimpleNamespace(now_s=5.0)),
        )
        self.plan = self.desk(night, optimizer.suggest(campaign.coupons), Standing(optimizer.status(), ()))  # type: ignore[arg-type]

    def clock(self) -> Any:
        self.clocks.append(Hand())
        return self.clocks[-1]

    def tell(self, event: Any) -> None:
        self.told.append(event)
        self.state = {"wait": "waiting", "resume": "running"}[event.kind]

    def abort(self, reason: str) -> bool:
        self.aborts.append(reason)
        return True

    def messages(self) -> Iterator[Msg]:
        """Each message of the plan; ends with it, and keeps what was decided."""
        try:
            msg = next(self.plan)
            while True:
                yield msg
                if msg.command == "wait_for":
                    self.clocks[-1].now_s += LOOK_EVERY_S
                msg = self.plan.send(None)
        except StopIteration as end:
            self.decision = end.value

    @property
    def question(self) -> Question:
        found = open_question(self.folder, UID)
        assert found is not None
        return found


def test_a_question_that_nobody_answers_is_approved_by_nobody_at_its_deadline(tmp_path: Path) -> None:
    waits = Waits(tmp_path, asking())
    n_looks = sum(msg.command == "wait_for" for msg in waits.messages())
    assert n_looks == WAIT_s / LOOK_EVERY_S
    assert (waits.decision.kind, waits.decision.by) == ("approve", NOBODY)
    assert "nobody decided within 60 s" in waits.decision.note
    assert [(one["interface"], one["action"], one["by"]) for one in read_audit(tmp_path)] == [
        ("night", "approve", NOBODY)
    ]
    wait, resume = waits.told
    assert wait.kind == "wait"
    assert wait.reason.startswith("C1 is suggested, and somebody is to decide (question ")
    assert "`vitrail campaign decide`; at " in wait.ends_when
    assert wait.ends_when.endswith("it is made as suggested")
    assert resume.kind == "resume"
    assert not question_path(tmp_path, UID).exists()


def test_or_the_night_ends_in_good_order_and_the_question_is_withdrawn(tmp_path: Path) -> None:
    waits = Waits(tmp_path, asking("stop"))
    for _ in waits.messages():
        if waits.aborts:
            break
    assert waits.clocks[-1].now_s == WAIT_s
    assert waits.aborts == ['nobody decided about C1 within 60 s, and review.otherwise = "stop"']
    waits.plan.close()  # as the engine does
    assert not question_path(tmp_path, UID).exists()
    assert open_question(tmp_path, UID) is None


def test_an_answer_ends_the_wait_at_the_next_look_and_a_pause_begins_it_anew(tmp_path: Path) -> None:
    waits = Waits(tmp_path, asking())
    was, n = "", 0
    for msg in waits.messages():
        n += msg.command == "wait_for"
        if n == 100 and msg.command == "null":
            was, waits.state = waits.question.number, "running"  # a pause was asked for here, and is over
        if n == 240 + 99 and msg.command == "wait_for":
            give(tmp_path, waits.question, "reject", by="ada", note="too hot", interface="command")
    assert (n, len(waits.clocks)) == (339, 2), "the time before the pause does not count"
    assert [event.kind for event in waits.told] == ["wait", "wait", "resume"]
    assert waits.decision.note == "too hot"
    assert was


def test_an_answer_to_a_process_that_died_counts(tmp_path: Path) -> None:
    waits = Waits(tmp_path, asking())
    for _ in waits.messages():
        give(tmp_path, waits.question, "approve", by="ada", interface="web")
        break
    waits.plan.close()  # the process dies before it looks
    again = Waits(tmp_path, asking())
    assert list(again.messages()) == []
    assert (again.decision.by, again.told) == ("ada", [])


def test_a_pause_that_is_asked_for_takes_effect_while_it_waits(tmp_path: Path) -> None:
    waits = Waits(tmp_path, asking())
    monitor = AskedMonitor(tmp_path, UID, lambda _reason: True)  # type: ignore[arg-type]  # as an engine's abort
    commands = []
    for msg in waits.messages():
        commands.append((msg.command, monitor.concerns(msg)))
        if len(commands) == 6:
            break
    waits.plan.close()
    assert commands == [("null", True), ("sleep", False), ("wait_for", False)] * 2


# ----------------------------------------------------------------------------------------------------------- whole nights
class Somebody:
    """Answers each question as soon as the campaign is in the state of waiting; told of it on the engine's loop."""

    def __init__(self, folder: Path, *says: dict[str, Any]) -> None:
        self.folder, self.says = folder, list(says)
        self.numbers: list[str] = []
        self.states: list[str] = []
        self.copy_at: int | None = None

    def __call__(self, state: CampaignState) -> None:
        self.states.append(state.kind)
        if state.kind != "waiting":
            return
        question = open_question(self.folder, UID)
        assert question is not None
        note = read_state(self.folder, UID)
        assert note is not None
        assert note.state == state
        if self.copy_at == len(self.numbers):
            shutil.copytree(self.folder, self.folder.parent / "killed")  # what a process that dies now leaves
        self.numbers.append(question.number)
        give(self.folder, question, **({"by": "ada", "interface": "command"} | self.says.pop(0)))


def test_rejected_edited_approved_and_a_night_that_died_over_a_question_asks_it_again(tmp_path: Path) -> None:
    campaign, data = asking(n_coupons=2), tmp_path / "data"
    somebody = Somebody(
        data,
        {"verdict": "reject", "note": "not tonight"},
        {"verdict": "edit", "changes": {"temperature_C": "222", "B1": "out"}},
        {"verdict": "approve", "by": "bob", "interface": "web"},
    )
    somebody.copy_at = 2
    with open_session(
        Instrument(), coupons=campaign.coupons, data=data, seed=3, unattended=True, catalog=False
    ) as session:
        outcome = run_night(session, campaign, campaign_uid=UID, watchers=[somebody])
    assert (outcome.exit_status, outcome.n_coupons) == ("success", 2)
    assert somebody.states == [*("running", "waiting") * 3, "running", "done"]
    records = Records(data)
    starts = [run.start for run in records.runs(purpose="decision")]
    assert [
        [(one["decision"]["kind"], one["decision"]["by"]) for one in start.get("human", ())] for start in starts
    ] == [
        [("reject", "ada"), ("edit", "ada")],
        [("approve", "bob")],
        [],
    ]
    (first, _) = records.runs(purpose="heat_treatment")
    assert first.start["heat_treatment"]["temperature_C"] == 222.0
    assert list(records.runs(purpose="writing")[0].start["sites"]) == ["A1"]
    assert all(one.is_same_suggestion for one in redecide(records, UID))
    assert [one["interface"] for one in read_audit(data)] == ["command", "command", "web"]

    killed = tmp_path / "killed"
    assert open_question(killed, UID) is None, "nobody waits for it"
    again = Somebody(killed, {"verdict": "approve"})
    with open_resumed(Instrument(), killed, UID, catalog=False) as session:
        assert resume_night(session, UID, watchers=[again]).exit_status == "success"
    assert again.numbers == somebody.numbers[2:], "the same question, and only that one"
    made = [run.start["suggestion"] for run in Records(killed).runs(purpose="decision") if run.start.get("suggestion")]
    assert made == [start["suggestion"] for start in starts[:2]]


def test_a_night_that_nobody_answers_can_stop_and_be_resumed_by_who_does(tmp_path: Path) -> None:
    campaign = asking("stop")
    campaign = campaign.model_copy(update={"review": campaign.review.model_copy(update={"wait_s": 1.0})})
    with open_session(
        Instrument(), coupons=campaign.coupons, data=tmp_path, seed=3, unattended=True, catalog=False
    ) as session:
        outcome = run_night(session, campaign, campaign_uid=UID)
    assert (outcome.exit_status, outcome.n_coupons) == ("abort", 0)
    assert outcome.reason == 'nobody decided about C1 within 1 s, and review.otherwise = "stop"'
    assert not [step for step in outcome.safe_steps if step.error]
    with open_resumed(Instrument(), tmp_path, UID, catalog=False) as session:
        somebody = Somebody(tmp_path, {"verdict": "approve"})
        outcome = resume_night(session, UID, watchers=[somebody])
    assert (outcome.exit_status, outcome.n_coupons) == ("success", 1)


def test_a_pause_and_a_stop_take_effect_while_it_asks(tmp_path: Path) -> None:
    campaign, states = asking(), []
    wishes: list[Ask] = ["pause", "go on", "stop"]

    def somebody(state: CampaignState) -> None:
        states.append(state.kind)
        if state.kind in ("waiting", "paused"):
            ask(tmp_path, UID, wishes.pop(0), interface="command", reason="enough")

    with open_session(
        Instrument(), coupons=campaign.coupons, data=tmp_path, seed=3, unattended=True, catalog=False
    ) as session:
        outcome = run_night(session, campaign, campaign_uid=UID, watchers=[somebody])
    assert states == ["running", "waiting", "paused", "running", "waiting", "stopped"]
    assert (outcome.exit_status, outcome.n_coupons) == ("abort", 0)
    assert outcome.reason.endswith(": enough")
    assert not question_path(tmp_path, UID).exists()
