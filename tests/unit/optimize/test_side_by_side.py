"""Two threads at once, in order, and what goes wrong on either is raised."""

from __future__ import annotations

import threading

import pytest

from beamline.optimize.side_by_side import both, each

WAIT_S = 20.0


def test_two_functions_run_at_the_same_time() -> None:
    barrier = threading.Barrier(2)  # broken, if one is only begun when the other has ended

    def meet() -> int:
        barrier.wait(WAIT_S)
        return threading.get_ident()

    one, other = both(meet, meet)
    assert one == threading.get_ident()
    assert other != one


def test_the_items_come_back_in_their_order_whoever_is_first() -> None:
    second_is_done = threading.Event()

    def function(item: int) -> int:
        if item == 0:
            assert second_is_done.wait(WAIT_S)
        elif item == 1:
            second_is_done.set()
        return 10 * item

    assert each(function, range(5)) == [0, 10, 20, 30, 40]
    assert each(function, []) == []


@pytest.mark.parametrize("failing", [0, 1])
def test_what_either_raises_is_raised_here_and_the_other_has_ended(failing: int) -> None:
    ended: list[int] = []

    def work(which: int) -> None:
        if which == failing:
            raise ArithmeticError(f"function {which}")
        ended.append(which)

    with pytest.raises(ArithmeticError, match=f"function {failing}"):
        both(lambda: work(0), lambda: work(1))
    assert ended == [1 - failing]
    with pytest.raises(ArithmeticError, match=f"function {failing}"):
        each(work, [0, 1])


def test_nothing_is_left_running() -> None:
    both(int, int)
    each(int, ["1", "2", "3"])
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("side-by-side")]
