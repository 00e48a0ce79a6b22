"""A record folder with a night that is over, and the page that is served of it, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from made_up_nights import UID, begun_night, whole_night
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
    begun_night(tmp_path)
    lock = FileLock(session_lock(tmp_path))
    assert lock.acquire()
    yield tmp_path
    lock.release()
