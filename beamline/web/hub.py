"""What all pages share: a night is read once for all who watch it, on a thread, and never for more than a tenth of the time."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anyio import to_thread

from beamline.campaign.history import campaign_uids
from beamline.records import Records
from beamline.web.night import NightReader

__all__ = ["Hub", "TooManyError", "encoded"]

PERIOD_S: Final = 1.0
MOST_SHARE: Final = 0.1
"""Of the time, that reading a night takes at most: what a night of many coupons costs does not grow with it."""
BEAT_S: Final = 15.0
"""So often something is sent, that a line that is gone is found."""
MOST_KEPT: Final = 6
MOST_FOLLOWERS: Final = 64


class TooManyError(RuntimeError):
    """More pages follow nights than one server takes.

    To do: close pages that nobody looks at.
    """


def encoded(plain: Any) -> bytes:
    """As JSON in UTF-8."""
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


@dataclass(frozen=True)
class _Read:
    """A night as it was read, and until when, by the loop's clock, it is not read again."""

    until_s: float
    plain: dict[str, Any]
    text: bytes


class Hub:
    """Readers of nights, and who follows them.

    Args:
        folder: of the records.
    """

    def __init__(self, folder: Path) -> None:
        self.records = Records(folder)
        self.n_followers = 0
        self._readers: OrderedDict[str, NightReader] = OrderedDict()
        self._bytes: dict[str, _Read] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End what follows: the server is to end."""
        self._closing.set()

    async def uids(self) -> tuple[str, ...]:
        """Of all campaigns, oldest first."""
        return await to_thread.run_sync(campaign_uids, self.records)

    async def reader(self, uid: str) -> NightReader:
        """Of a campaign.

        Raises:
            LookupError: there is none with this uid.
        """
        if uid not in self._readers:
            self._readers[uid] = await to_thread.run_sync(NightReader, self.records, uid)
            while len(self._readers) > MOST_KEPT:
                gone, _ = self._readers.popitem(last=False)
                self._bytes.pop(gone, None)
                self._locks.pop(gone, None)
        self._readers.move_to_end(uid)
        return self._readers[uid]

    async def snapshot(self, uid: str, *, is_fresh: bool = False) -> bytes:
        """The night as JSON, not older than `PERIOD_S`, or than ten times what reading it took.

        Args:
            uid: of the campaign.
            is_fresh: as it is at this moment.

        Raises:
            LookupError: there is no such campaign.
        """
        reader = await self.reader(uid)
        async with self._locks.setdefault(uid, asyncio.Lock()):
            loop = asyncio.get_running_loop()
            begin_s, known = loop.time(), self._bytes.get(uid)
            if known is not None and not is_fresh and begin_s < known.until_s:
                return known.text
            plain = await to_thread.run_sync(reader.snapshot)
            text = known.text if known is not None and known.plain is plain else encoded(plain)
            took_s = loop.time() - begin_s
            self._bytes[uid] = _Read(begin_s + max(PERIOD_S, took_s / MOST_SHARE), plain, text)
            return text

    async def follow(self, uid: str) -> AsyncIterator[bytes]:
        """The night again and again, as server-sent events, whenever it has changed.

        Raises:
            LookupError: there is no such campaign.
            TooManyError: too many follow already.
        """
        if self.n_followers >= MOST_FOLLOWERS:
            raise TooManyError(f"{self.n_followers} pages follow a night already")
        await self.reader(uid)
        return self._events(uid)

    async def _events(self, uid: str) -> AsyncIterator[bytes]:
        self.n_followers += 1
        try:
            yield b"retry: 1000\n\n"
            sent, since_s = b"", 0.0
            while not self._closing.is_set():
                text = await self.snapshot(uid)
                if text is not sent and text != sent:
                    yield b"event: night\ndata: " + text + b"\n\n"
                    sent, since_s = text, 0.0
                elif since_s >= BEAT_S:
                    yield b": still here\n\n"
                    since_s = 0.0
                try:
                    await asyncio.wait_for(self._closing.wait(), PERIOD_S)
                except TimeoutError:
                    since_s += PERIOD_S
        finally:
            self.n_followers -= 1
