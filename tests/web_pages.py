"""The page in a browser: the server in a process of its own, a night beside it, and what a page must show."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from beamline.campaign.history import campaign_uids
from beamline.records import Records

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
VITRAIL = Path(sys.executable).parent / "vitrail"


def within(seconds: float, is_true: Callable[[], bool], what: str) -> None:
    pause, n = threading.Event(), round(seconds / 0.05)
    for _ in range(n):
        if is_true():
            return
        pause.wait(0.05)
    raise AssertionError(f"not within {seconds:g} s: {what}")


def shows(page: Any, ident: str, text: str, timeout: float = 10000) -> None:
    from playwright.sync_api import expect

    expect(page.locator(f"#{ident}")).to_have_text(text, timeout=timeout)


class Server:
    """`vitrail web` on a port of its own; ended and begun again on the same one."""

    def __init__(self, data: Path) -> None:
        self.data, self.port, self.process = data, 0, None
        self.begin()

    def begin(self) -> None:
        command = [VITRAIL, "web", "--data", self.data, "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]
        self.port = int(self.url.rstrip("/").rpartition(":")[2])

    def end(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(15)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    @property
    def token(self) -> str:
        return (self.data / "web.token").read_text()


def violations(page: Any) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]


@contextlib.contextmanager
def night_beside(folder: Path, campaign: str) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """A night in a process of its own, from when it is in the records; its records and its process."""
    (folder / "night.toml").write_text(campaign, encoding="utf-8")
    data = folder / "data"
    command = [VITRAIL, "campaign", "run", "night.toml", "--data", data, "--no-catalog", "--no-report", "--json"]
    environment = {**os.environ, "COLUMNS": "120"}
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=said, text=True, env=environment)
        try:
            within(60, lambda: bool(campaign_uids(Records(data))), "the night begins")
            yield data, process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(20)
            assert process.stdout is not None
            process.stdout.close()
