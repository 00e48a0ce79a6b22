"""Slow pure work inside a plan, beside the engine's loop instead of in it.

While a plan computes, the engine could neither pause nor abort; the loop must not be held for more than 50 ms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator

__all__ = ["in_thread"]

T = TypeVar("T")


def in_thread(function: Callable[[], T]) -> MsgGenerator[T]:
    """Run `function()` in a worker thread, wait for it, and give its result; what it raises is raised in the plan.

    An abort during the wait takes effect at once; the function itself runs to its end and its result is dropped.

    Duration: that of the function.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    async def job() -> None:
        try:
            results.append(await asyncio.to_thread(function))
        except Exception as error:  # noqa: BLE001 - carried over to the plan, where it is raised
            errors.append(error)

    yield from bps.wait_for([job])
    if errors:
        raise errors[0]
    return results[0]
