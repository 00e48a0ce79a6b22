"""What the roles that acquire share: an acquisition that is looked at half-way, and whose result is checked at its end."""

from __future__ import annotations

import math
from collections.abc import Callable

from .checks import flag
from .errors import StuckError
from .role import Role
from .waiting import Waiting

__all__ = ["Detector"]


class Detector(Role):
    """A role whose driver is busy while it acquires; arguments as of `Role`."""

    watched_acquisition_s = 1.0
    """From this length on an acquisition is looked at half-way: it must still run, or say why it does not."""
    late_by = ("watched_acquisition_s",)

    def acquire(
        self,
        what: str,
        expected_s: float,
        *,
        check: Callable[[], None],
        idle: str,
        may_be_idle: Callable[[], bool] = lambda: False,
        deadline_s: float | None = None,
    ) -> Waiting:
        """The status of an acquisition that the driver has begun.

        Args:
            what: it is, for messages.
            expected_s: until it is done, or until it is to be looked at.
            check: of what it gave; raises what is wrong with it.
            idle: words for one that does not run half-way through.
            may_be_idle: half-way, whether it had a reason to end early.
            deadline_s: as of `begin`.
        """

        def runs() -> None:
            if not flag(self.name, self.driver.is_busy) and not may_be_idle():
                raise StuckError(f"{what}: {idle} half-way through it; {self.advice}")

        def is_done() -> bool:
            if flag(self.name, self.driver.is_busy):
                return False
            check()
            return True

        return self.begin(
            what,
            is_done,
            expected_s=expected_s,
            deadline_s=deadline_s,
            watch=runs,
            watch_every_s=expected_s * 0.5 if expected_s >= self.watched_acquisition_s else math.inf,
        )
