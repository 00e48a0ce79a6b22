"""The bench behind a queue: a campaign of another process is run, paused, resumed, aborted, halted, killed; the bench is safe.

Real Redis, the real server and client, a bench of instruments on the wire; what is safe is looked at behind the instruments.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from commands import VITRAIL
from commands_in_process import vitrail
from small_campaigns import small_campaign
from waiting import until
from wire_bench import bench_file, ports_of, served_twin

from beamline.campaign import parse_campaign
from beamline.records import Records, is_held, session_lock
from beamline.safety import watchdog_journal
from devices import ScaledClock
from devices.twin.wire import WireTwin

SPEED = 100.0
N_SITES = 3
pytestmark = [
    pytest.mark.skipif(
        any(importlib.util.find_spec(n) is None for n in ("bluesky_queueserver", "bluesky_queueserver_api")),
        reason="bluesky-queueserver is not installed (the extra `queue`)",
    ),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed"),
    pytest.mark.filterwarnings("ignore:Unclosed context:ResourceWarning"),  # of the API client, see below
]


def campaign(number: int) -> str:
    """One coupon, C1 or another, at 200 to 250 degC."""
    return small_campaign(f"queued-{number}", n_sites=N_SITES).replace("C1", f"C{number}")


@dataclass
class Queue:
    """A server with a client, and the bench that it has."""

    server: Any
    api: Any
    wire: WireTwin
    data: Path

    def is_safe(self) -> bool:
        drivers = self.wire.drivers
        with self.wire.shared.lock:
            is_lit = drivers.spectrometer.is_lamp_on
            return not (drivers.laser.is_output_open or drivers.furnace.is_on or is_lit)

    def is_hot(self) -> bool:
        with self.wire.shared.lock:
            return self.wire.drivers.furnace.is_on and self.wire.drivers.furnace.temperature_C > 60.0

    def n_pulses(self) -> float:
        with self.wire.shared.lock:
            return self.wire.drivers.laser.pulses_delivered

    def exposed(self, name: str) -> list[str]:
        """Sites in the order of their exposures."""
        runs = Records(self.data).runs(campaign=name, purpose="writing")
        return [str(event["data"]["site_name"]) for run in runs for event in run.events("exposures")]

    def begin(self, *item: Any, **options: Any) -> None:
        from bluesky_queueserver_api import BPlan

        self.api.queue_clear()  # the server puts what was ended back in front
        self.api.item_add(BPlan(*item, **options))
        self.api.queue_start()

    def pause(self, option: str) -> None:
        self.api.re_pause(option=option)
        until(lambda: self.api.status(reload=True)["manager_state"] == "paused", 30.0, every_s=0.05)

    def last(self) -> dict[str, Any]:
        self.api.wait_for_idle(timeout=30)
        return dict(self.api.history_get()["items"][-1]["result"])

    def end_of(self, name: str) -> tuple[str, str]:
        """Of the newest run of an end: how, and why."""
        run = Records(self.data).runs(campaign=name, purpose="end")[-1]
        return run.start["exit_status"], run.start["reason"]


@pytest.fixture(scope="module", autouse=True)
def _contexts_are_closed() -> Iterator[None]:
    """A client of the queue server leaves its 0MQ contexts to the garbage collector, which minds open ones."""
    import zmq

    gc.disable()  # of cycles: they are ended here, before it sees them
    try:
        yield
        for thing in gc.get_objects():
            if isinstance(thing, zmq.Context) and not thing.closed:
                thing.destroy(linger=0)
    finally:
        gc.enable()


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queue]:
    from beamline.remote.server import serve

    folder = tmp_path_factory.mktemp("queue")
    rack = folder / "rack.toml"
    rack.write_text(small_campaign(n_coupons=4), encoding="utf-8")
    coupons = parse_campaign(rack.read_text(encoding="utf-8")).coupons
    data = folder / "data"
    data.mkdir()
    with served_twin(1, coupons, ScaledClock(SPEED)) as wire:
        ports = ports_of(wire) | {"spectrometer": wire.spectrometer.port, "carousel": wire.carousel.port or 0}
        file = folder / "instrument.toml"
        slots = {coupon.serial: slot for slot, coupon in enumerate(coupons, start=1)}
        file.write_text(bench_file(ports, speed=SPEED, slots=slots), encoding="utf-8")
        names = {"VITRAIL_DATA": str(data), "VITRAIL_INSTRUMENT": str(file), "VITRAIL_CAMPAIGN": str(rack)}
        with serve(data, environment=names, control_port=0) as server:
            api = server.api()
            api.environment_open()
            api.wait_for_idle(timeout=60)
            yield Queue(server, api, wire, data)
            api.close()
        assert not is_held(session_lock(data)), "the worker has closed its session"


@pytest.fixture(autouse=True)
def _nothing_goes_on(queue: Queue) -> Iterator[None]:
    """A test that fails in the middle of a plan is the only one that does."""
    yield
    state = queue.api.status(reload=True)["manager_state"]
    if state == "executing_queue":
        queue.pause("immediate")
    if state in ("executing_queue", "paused"):
        queue.api.re_abort()
        queue.api.wait_for_idle(timeout=30)


def test_what_is_offered_shows_units_and_bounds_and_refuses_what_is_outside(queue: Queue) -> None:
    from bluesky_queueserver_api import BPlan

    plans = queue.api.plans_allowed()["plans_allowed"]
    assert {"campaign_night", "heat_coupon", "dot_matrix", "line_series", "pl_map"} <= set(plans)
    (energies,) = [p for p in plans["dot_matrix"]["parameters"] if p["name"] == "energies_uJ"]
    assert (float(energies["min"]), float(energies["max"])) == (1.0, 400.0)
    assert "uJ" in energies["description"]
    assert set(queue.api.devices_allowed()["devices_allowed"]) >= {"laser", "stage", "furnace", "spectrometer"}
    with pytest.raises(queue.api.RequestFailedError, match=r"900\.0 is out of range"):
        queue.api.item_add(BPlan("heat_coupon", "C1", temperature_C=900.0, hold_s=10.0))
    queue.api.user_group = "observer"
    try:
        with pytest.raises(queue.api.RequestFailedError, match="not in the list of allowed plans"):
            queue.api.item_add(BPlan("heat_coupon", "C1", temperature_C=300.0, hold_s=10.0))
    finally:
        queue.api.user_group = "primary"
    assert queue.api.queue_get()["items"] == []


def test_who_does_not_know_the_key_is_not_heard_and_what_holds_keys_is_private(queue: Queue) -> None:
    from bluesky_queueserver_api.zmq import REManagerAPI

    stranger = REManagerAPI(zmq_control_addr=queue.server.address, timeout_recv=0.5)
    try:
        with pytest.raises(stranger.RequestTimeoutError):
            stranger.ping()
    finally:
        stranger.close()
    assert queue.server.address.startswith("tcp://127.0.0.1:")
    folder = queue.data / "queue"
    assert folder.stat().st_mode & 0o077 == 0
    for name in ("server.key", "client.env", "manager.yaml"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name


def test_another_session_is_refused_while_the_queue_has_the_bench(queue: Queue) -> None:
    done = vitrail("queue", "start", "--data", queue.data, "--port", 0)
    assert done.returncode == 2, done.stderr
    assert "one at a time drives an instrument" in done.stderr


def test_a_pause_waits_until_nothing_is_open_hot_or_lit_and_an_abort_ends_safe(queue: Queue) -> None:
    before = queue.n_pulses()
    queue.begin("campaign_night", campaign(1))
    until(lambda: queue.n_pulses() > before, 30.0)
    queue.pause("deferred")
    assert queue.is_safe()
    assert 0 < len(queue.exposed("queued-1")) < N_SITES
    queue.api.re_resume()
    until(queue.is_hot, 30.0)
    assert sorted(set(queue.exposed("queued-1"))) == sorted(queue.exposed("queued-1")), "no site twice"
    assert len(queue.exposed("queued-1")) == N_SITES
    queue.pause("immediate")
    assert queue.is_hot(), "it holds what the coupon is at"
    queue.api.re_abort()
    queue.api.wait_for_idle(timeout=30)
    assert queue.is_safe()
    assert queue.end_of("queued-1") == ("abort", "aborted through the queue")


def test_what_an_aborted_night_has_left_in_the_furnace_is_cleared_away(queue: Queue) -> None:
    assert queue.wire.drivers.changer.station_of("C1") == "furnace"
    queue.begin("clear_bench")
    assert queue.last()["exit_status"] == "completed"
    assert queue.wire.drivers.changer.station_of("C1") == "rack"


def test_a_halt_which_skips_every_clean_up_ends_safe(queue: Queue) -> None:
    queue.begin("campaign_night", campaign(2))
    until(queue.is_hot, 30.0)
    queue.pause("immediate")
    queue.api.re_halt()
    queue.api.wait_for_idle(timeout=30)
    assert queue.is_safe()
    assert queue.end_of("queued-2") == ("abort", "halted through the queue")


def test_a_plan_that_fails_says_why_and_ends_safe(queue: Queue) -> None:
    queue.begin("campaign_night", campaign(9))
    result = queue.last()
    assert result["exit_status"] == "failed"
    assert "C9: not in the rack" in result["msg"]
    assert queue.is_safe()


def test_a_worker_that_is_killed_leaves_the_bench_to_the_watchdog_which_notes_it(queue: Queue) -> None:
    queue.begin("clear_bench")
    assert queue.last()["exit_status"] == "completed"
    queue.begin("heat_coupon", "C4", temperature_C=250.0, hold_s=600.0)
    until(queue.is_hot, 30.0)
    queue.api.environment_destroy()
    until(queue.is_safe, 20.0)
    queue.api.wait_for_idle(timeout=30)
    assert queue.api.status(reload=True)["worker_environment_exists"] is False
    until(lambda: not is_held(session_lock(queue.data)))
    entries = watchdog_journal(queue.data).take_unreported()
    assert any("furnace" in str(entry) for entry in entries), entries


def test_a_starter_that_is_killed_takes_the_server_with_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [VITRAIL, "queue", "start", "--data", tmp_path, "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        assert "queue server at tcp://127.0.0.1:" in starter.stdout.readline()
        (server,) = children(starter.pid, b"beamline.remote.manager")
        (redis,) = children(starter.pid, b"redis-server")
        starter.kill()
        for process in (server, redis):
            until(lambda process=process: not Path(f"/proc/{process}").exists(), 20.0)


def children(parent: int, words: bytes) -> list[int]:
    """Processes of a parent whose command line has these words."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if int(line[1]) == parent and words in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:  # it has ended meanwhile
            continue
    assert os.getpid() not in found
    return found
