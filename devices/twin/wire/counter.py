"""A twin's lifetime counter behind a folder: it takes the requests that lie there, and saves histogram files."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from devices.errors import DeviceError
from devices.protocols import LifetimeDriver

from .phu import phu
from .shared import Shared

__all__ = ["CounterFolder"]

LOOK_S = 0.02
"""Between two looks at the folder, s of the wall."""


class CounterFolder:
    """Does what the counter's program and its operator do: sets the counter, counts, saves under the name asked for.

    A request is a JSON file that names the file to save (`devices.drivers.counter_files.CountRequest`). One that is taken
    away is given up; one that cannot be met gets no file, and its reason stands in `answers`.

    Args:
        driver: of the twin.
        shared: its lock.
        folder: which is watched.
    """

    def __init__(self, driver: LifetimeDriver, shared: Shared, folder: Path) -> None:
        self.folder = folder
        self.answers: dict[str, str] = {}
        """By the name of the request: empty if it was met, or why it was not."""
        self._driver = driver
        self._shared = shared
        self._request: Path | None = None
        self._target = ""
        self._wanted: tuple[float, float] | None = None
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vitrail-twin-counter", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it looks and saves."""
        return str(self.folder)

    def stop(self) -> None:
        """Look no longer; what is being counted is given up."""
        self._is_stopped.set()
        self._thread.join(2.0)
        with self._shared.lock:
            self._driver.abort_acquisition()

    def restart(self) -> None:
        """As after a failure of the mains: excitation off, what was counted is lost; the requests still lie there."""
        with self._shared.lock:
            self._driver.abort_acquisition()
            self._driver.switch_excitation(on=False)
            self._request = self._wanted = None

    def save(self, path: Path, content: bytes) -> None:
        """Write a file in two pieces, as a program does that has a buffer: a reader must wait for the whole."""
        with path.open("wb") as file:
            file.write(content[:1000])
            file.flush()
            file.write(content[1000:])

    def _run(self) -> None:
        while not self._is_stopped.wait(LOOK_S):
            try:
                self._look()
            except OSError:
                continue  # the folder may be gone for a while

    def _look(self) -> None:
        if self._request is None:
            for path in sorted(self.folder.glob("*.json")):
                if path.name not in self.answers:
                    self._begin(path)
                    return
            return
        driver, request = self._driver, self._request
        if not request.exists():
            self._request = self._wanted = None
            with self._shared.lock:
                driver.abort_acquisition()
            return
        with self._shared.lock:
            if driver.is_busy or self._request is not request:  # restarted just now
                return
            if self._wanted is not None:
                duration_s, stop_at_counts = self._wanted
                self._wanted = None
                driver.start_acquisition(duration_s, stop_at_counts)
                return
            content = phu(driver.histogram)
        self.save(self.folder / self._target, content)
        # Its request is answered; the one who asked takes it away.
        self.answers[request.name] = ""
        self._request = None

    def _begin(self, path: Path) -> None:
        try:
            asked: Any = json.loads(path.read_text(encoding="utf-8"))
            target, duration_s, stop_at_counts = _wanted(asked)
            with self._shared.lock:
                driver = self._driver
                driver.start_bin_width(float(asked["bin_width_ns"]))
                driver.start_excitation_rate(float(asked["excitation_rate_kHz"]))
                driver.start_excitation_percent(float(asked["excitation_percent"]))
                driver.start_filter(str(asked["filter"]))
                driver.switch_excitation(asked["excitation"] == "on")
        except (DeviceError, ValueError, KeyError, TypeError, RecursionError) as error:
            self.answers[path.name] = f"{type(error).__name__}: {error}"
            return
        self._request, self._target, self._wanted = path, target, (duration_s, stop_at_counts)


def _wanted(asked: Any) -> tuple[str, float, float]:
    """Name of the file, time and counts of a request.

    Raises:
        ValueError: they cannot be.
        KeyError, TypeError: it is no request.
    """
    name = Path(str(asked["path"])).name
    duration_s, stop_at_counts = float(asked["duration_s"]), float(asked["stop_at_counts"])
    if not (name.endswith(".phu") and 0 < duration_s < 1e5 and 0 <= stop_at_counts < 1e9):
        raise ValueError(f"{name} for {duration_s} s until {stop_at_counts}: cannot be done")
    return name, duration_s, stop_at_counts
