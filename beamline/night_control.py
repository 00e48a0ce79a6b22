"""Pauses and stops a night that runs when somebody asks for it from elsewhere (`beamline.campaign.requests`).

A stop aborts the plan at once, with its clean-up. A pause waits for a place where nothing is half done: before the next
step or the next site. A heat treatment is finished first, for a hold that waits is another hold. It waits by the wall, also
where the bench's clock is simulated.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, Self

from bluesky.utils import Msg, MsgGenerator, ensure_generator

from beamline.campaign.requests import Request, read_request, take_back
from beamline.safety import Pause

__all__ = ["Held", "NightControl"]

LOOK_EVERY_S = 0.25


@dataclass(frozen=True)
class Held(Pause):
    """The night waits because somebody asked it to; `waited_s` is by the wall."""

    def __str__(self) -> str:
        if self.waited_s is not None:
            return f"goes on after {self.waited_s:.0f} s"
        return f"{self.reason}, since {self.since}; it goes on when {self.ends}"


class NightControl:
    """Looks at what is asked of one night while it runs. A context manager: outside of it nothing is looked at.

    Args:
        folder: of the records.
        campaign_uid: of the night.
        abort: ends what the engine runs, with a reason.
        tell: is given each pause when it begins and when it ends.
        now_s: the bench's clock.
    """

    def __init__(
        self,
        folder: Path,
        campaign_uid: str,
        *,
        abort: Callable[[str], object],
        tell: Callable[[Held], None],
        now_s: Callable[[], float],
    ) -> None:
        self._folder, self._uid = folder, campaign_uid
        self._abort, self._tell, self._now_s = abort, tell, now_s
        self._has_ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="night-control", daemon=True)
        self._purpose = ""

    def __enter__(self) -> Self:
        take_back(self._folder, self._uid)  # what was asked of an earlier part of the night is answered
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._has_ended.set()
        self._thread.join()
        take_back(self._folder, self._uid)

    def over(self, plan: Any) -> MsgGenerator[Any]:
        """The plan, held up where a pause is asked for."""
        inner = ensure_generator(plan)
        try:
            msg = next(inner)
            while True:
                try:
                    yield from self._gate(msg)
                    result = yield msg
                except GeneratorExit:
                    raise
                except BaseException as error:  # noqa: BLE001  # whatever ends it is for the plan to clean up after
                    msg = inner.throw(error)
                else:
                    msg = inner.send(result)
        except StopIteration as end:
            return end.value
        finally:
            inner.close()

    def _gate(self, msg: Msg) -> Iterator[Msg]:
        if msg.command == "open_run":
            self._purpose = str(msg.kwargs.get("purpose", ""))
        elif msg.command != "checkpoint" or self._purpose == "heat_treatment":
            return
        request = self._pause()
        if request is None:
            return
        begin_s = monotonic()
        now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
        held = Held("operator", str(request), "`vitrail campaign resume` says so", now, self._now_s(), 0.0)
        self._tell(held)
        yield Msg("wait_for", None, [self._until_taken_back])
        self._tell(replace(held, waited_s=monotonic() - begin_s))

    def _pause(self) -> Request | None:
        request = read_request(self._folder, self._uid)
        return request if request is not None and request.action == "pause" else None

    async def _until_taken_back(self) -> None:
        while self._pause() is not None:  # noqa: ASYNC110  # it is a file of another process that changes
            await asyncio.sleep(LOOK_EVERY_S)

    def _watch(self) -> None:
        while not self._has_ended.wait(LOOK_EVERY_S):
            request = read_request(self._folder, self._uid)
            if request is not None and request.action == "stop":
                self._abort(str(request))
