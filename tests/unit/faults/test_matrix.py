"""Every device times every fault: a clear error or recovery, in time, the bench safe at the end, no document lost.

`vitrail twin faults` prints the table, and so does `pytest -s` on this file.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import get_args

import pytest

from beamline.fault_matrix import WORK, Outcome, cases, run_case, work_for
from beamline.faults import CALLS, FaultEntry, FaultRole

RECOVERED = {
    ("laser", "late", "one call"),
    ("stage", "late", "one call"),
    ("furnace", "late", "one call"),
    ("spectrometer", "late", "one call"),
    ("lifetime", "late", "one call"),
    ("camera", "late", "one call"),
    ("changer", "late", "one call"),
}
"""A reply that comes in time is no failure; all else must be told."""


@pytest.fixture(scope="module")
def table() -> Iterator[list[Outcome]]:
    outcomes: list[Outcome] = []
    yield outcomes
    sys.stdout.write("\n| device | fault | meets | after s | what the plan got |\n|---|---|---|---|---|\n")
    for o in outcomes:
        sys.stdout.write(f"| {o.role} | {o.kind} | {o.how} | {o.after_s:.1f} | {o.words[:120]} |\n")


@pytest.mark.parametrize("entry", list(cases()), ids=str)
def test_every_fault_is_told_in_time_and_ends_safe(entry: FaultEntry, table: list[Outcome]) -> None:
    outcome = run_case(entry)
    table.append(outcome)
    assert outcome.n_injected >= 1
    assert outcome.unsafe == ()
    assert outcome.n_lost == 0
    assert outcome.has_ended
    assert 0 <= outcome.after_s <= work_for(entry).deadline_s
    if (outcome.role, outcome.kind, outcome.how) in RECOVERED:
        assert outcome.error is None
        return
    words = outcome.words
    assert outcome.error is not None
    assert re.match(rf"\w+Error: {entry.role}", words), words  # the device
    assert re.search(r"check|look|home|wait", words), words  # what to do
    commands = r"\d|(open|close) output|standby|(lamp|excitation) on: False|illumination off|home"
    assert re.search(commands, words), words  # command and value


def test_the_same_seed_gives_the_same_outcome() -> None:
    entry = FaultEntry(role="stage", kind="garbage", at_s=41.5, duration_s=100.0)
    first, second = run_case(entry, seed=5), run_case(entry, seed=5)
    assert (first.words, first.after_s) == (second.words, second.after_s)


def test_no_role_is_forgotten() -> None:
    assert set(WORK) == set(CALLS) == set(get_args(FaultRole))
