"""A record folder with a night that is over, and the page that is served of it, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from made_up_nights import UID, NightMaker, campaign, whole_night
from web_client import Client

from beamline.records import FileLock, session_lock
from beamline.web.app import make_app

TOKEN = "0123456789abcdef" * 4


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    whole_night(folder)
    report = folder / "reports" / f"made-up-{UID[:8]}"
    report.mkdir(parents=True)
    (report / "report.html").write_text("<p>the report</p>")
    (report / "secret.key").write_text("no")
    (report / "link.html").symlink_to(folder / "log")
    return folder


@pytest.fixture(scope="session")
def uid() -> str:
    return UID


@pytest.fixture(scope="session")
def token() -> str:
    return TOKEN


@pytest.fixture
def client(whole: Path) -> Iterator[Client]:
    with Client(make_app(whole, TOKEN)) as client:
        yield client


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """A night that runs, on its second coupon."""
    night = NightMaker(tmp_path, campaign())
    night.begin()
    first = night.suggestion("C1")
    night.decide(first, ())
    night.write(first)
    night.heat(first)
    night.measure(first, {"A1": ((514.0, 4e5), (645.0, 8e5)), "A2": (), "B1": (), "B2": ()})
    night.decide(night.suggestion("C2"), night.observed(first))
    lock = FileLock(session_lock(tmp_path))
    assert lock.acquire()
    yield tmp_path
    lock.release()
