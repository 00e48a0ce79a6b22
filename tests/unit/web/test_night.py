"""What the page shows is what the records say; it is read once, and shared."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from made_up_nights import NightMaker, campaign
from web_client import Client

from beamline.records import Records
from beamline.web.hub import MOST_FOLLOWERS, Hub, TooManyError
from beamline.web.night import NightReader


@pytest.fixture(scope="module")
def snapshot(whole: Path) -> dict:
    return NightReader(Records(whole), "11111111-2222-4333-8444-555555555555").snapshot()


def test_state_and_numbers(snapshot: dict) -> None:
    assert snapshot["state"]["kind"] == "done"
    assert snapshot["may_ask"] == []  # nothing can be asked of what is over
    assert (snapshot["n_coupons"], snapshot["n_coupons_max"], snapshot["n_sites_measured"]) == (2, 2, 8)
    assert snapshot["time"]["left_s"] is None
    assert snapshot["objective"]["red_peak_nm"] == [627.0, 633.0]
    json.dumps(snapshot, allow_nan=False)


def test_coupons_and_sites(snapshot: dict) -> None:
    first, second = snapshot["coupons"]
    assert [site["name"] for site in first["sites"]] == ["A1", "A2", "B1", "B2"]
    assert {site["state"] for site in first["sites"] + second["sites"]} == {"measured"}
    assert [site["outcome"] for site in first["sites"]] == ["both phases", "green only", "no luminescence", "saturated"]
    assert first["treatment"] == "500 °C for 60 min"
    assert second["sites"][0]["is_inside"]
    assert second["sites"][0]["red_peak_nm"] == pytest.approx(630.5, abs=0.6)


def test_convergence_best_and_suggestion(snapshot: dict) -> None:
    points = snapshot["convergence"]["points"]
    assert [(p["coupon"], p["site"]) for p in points[:5]] == [
        ("C1", "A1"),
        ("C1", "A2"),
        ("C1", "B1"),
        ("C1", "B2"),
        ("C2", "A1"),
    ]
    assert points[2]["red_peak_nm"] is None
    assert points[0]["hours"] < points[-1]["hours"]
    assert [entry["p_reached"] for entry in snapshot["convergence"]["trace"]] == [0.97, 0.97]
    assert (snapshot["best"]["coupon"], snapshot["best"]["site"]) == ("C2", "A1")
    assert ("heat treatment", "500 °C, 60 min, 10 °C/min") in [tuple(line) for line in snapshot["best"]["recipe"]]
    assert snapshot["suggestion"] is None, "the last decision of this night holds none"


def test_a_coupon_and_a_site_in_detail(client: Client, uid: str) -> None:
    coupon = client.get(f"/api/campaigns/{uid}/coupons/C2").json()
    assert coupon["furnace"]["hold_C"] == 500.0
    assert max(coupon["furnace"]["temperature_C"]) == pytest.approx(500.3)
    assert len(coupon["furnace"]["hours"]) == len(coupon["furnace"]["setpoint_C"])
    assert coupon["spectrum"]["site"] == "B2"
    site = client.get(f"/api/campaigns/{uid}/coupons/C2/sites/A1").json()
    assert [h["did"] for h in site["history"]] == ["suggested", "written", "heat-treated", "measured"]
    spectrum = site["spectrum"]
    assert spectrum["unit"] == "counts/s/nm"
    red = [(v, nm) for nm, v in zip(spectrum["wavelength_nm"], spectrum["values"], strict=True) if nm > 580]
    assert max(red)[1] == pytest.approx(630.5, abs=3.0)
    assert site["measured"]["is_inside"]
    assert ["pulse energy", "100 µJ at 10 kHz"] in site["recipe"]
    assert client.get(f"/api/campaigns/{uid}/coupons/C9").status_code == 404
    assert client.get(f"/api/campaigns/{uid}/coupons/C2/sites/Z9").status_code == 404


def test_a_night_that_runs_says_what_it_does_and_how_long_it_will_go_on(running: Path, uid: str) -> None:
    reader = NightReader(Records(running), uid)
    night = reader.snapshot()
    assert night["state"]["kind"] == "running"
    assert night["now"]["text"] == "carrying C2 to the stage"
    assert night["may_ask"] == ["pause", "stop"]
    one_s = 30 + 4 * 5 + 60 + 9900 + 60 + 5 * 3 + 10  # what the maker lets a coupon take
    assert night["time"]["left_s"] == pytest.approx(2 * one_s, rel=0.02)
    assert night["suggestion"]["coupon"] == "C2"
    assert night["suggestion"]["is_next"] is False
    assert {site["state"] for site in night["coupons"][1]["sites"]} == {"intended"}
    assert reader.snapshot() is night, "nothing has changed: nothing is computed again"


def test_what_is_written_next_is_seen_and_the_rest_is_not_read_again(
    running: Path, uid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from beamline.records import run as run_module

    reader = NightReader(Records(running), uid)
    reader.snapshot()
    read: list[str] = []
    whole = run_module.read_run
    monkeypatch.setattr(run_module, "read_run", lambda path: (read.append(path.name), whole(path))[1])
    night = NightMaker(running, campaign())
    night.n_runs, night.n_coupon, night.wall_s = 50, 2, night.wall_s + 1000.0
    night.clock_s = 20000.0
    night.write(night.suggestion("C2"), n_sites=2, exit_status="fail", why="the laser said <no>")
    seen = reader.snapshot()
    assert [t["why"] for t in seen["troubles"] if t["hours"] is not None] == ["the laser said <no>"]
    assert any("writing C2" in t["what"] for t in seen["troubles"])
    assert len(set(read)) <= 1, "one log is new"


def test_what_follows_is_told_of_a_change_and_ends_with_the_server(running: Path, uid: str) -> None:
    async def follows() -> tuple[list[bytes], int]:
        hub = Hub(running)
        events = await hub.follow(uid)
        got = [await anext(events), await anext(events)]
        (running / "state").mkdir(exist_ok=True)
        night = NightMaker(running, campaign())
        night.n_runs, night.clock_s = 60, 30000.0
        night.run("fault", {}, fault="timeout", step="carry", then="try again", words="the changer did not answer")
        got.append(await asyncio.wait_for(anext(events), 10))
        hub.close()
        assert [part async for part in events] == []
        return got, hub.n_followers

    (retry, first, second), left = asyncio.run(follows())
    assert retry.startswith(b"retry:")
    assert b"did not answer" not in first
    assert b"fault while carry: timeout" in second
    assert left == 0


def test_a_night_that_takes_long_to_read_is_read_less_often(
    running: Path, uid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[float] = []
    whole = NightReader.snapshot
    now_s = 0.0

    async def read() -> None:
        nonlocal now_s
        loop, hub = asyncio.get_running_loop(), Hub(running)
        await hub.reader(uid)
        monkeypatch.setattr(loop, "time", lambda: now_s)

        def slow(reader: NightReader) -> dict[str, object]:
            nonlocal now_s
            reads.append(now_s)
            now_s += 0.5  # a tenth of the five seconds until the next
            return whole(reader)

        monkeypatch.setattr(NightReader, "snapshot", slow)
        while now_s < 12.0:
            await hub.snapshot(uid)
            now_s += 0.25

    asyncio.run(read())
    assert reads == [0.0, 5.0, 10.0]


def test_what_is_learnt_of_a_site_is_a_change_of_its_coupon(running: Path, uid: str) -> None:
    """It stands in the decision about the next coupon, and a page that looks at the site asks again."""
    reader = NightReader(Records(running), uid)
    night = NightMaker(running, campaign())
    night.n_runs, night.n_coupon, night.clock_s, night.wall_s = 70, 2, 20000.0, night.wall_s + 1000.0
    second = night.suggestion("C2")
    night.write(second)
    night.heat(second)
    night.measure(second, {"A1": ((514.0, 4e5), (630.0, 8e5)), "A2": (), "B1": (), "B2": ()})
    before = reader.snapshot()["coupons"][1]["revision"]
    night.decide(night.suggestion("C3"), night.observed(second))
    assert reader.snapshot()["coupons"][1]["revision"] > before
    site = reader.site("C2", "A1")
    assert site is not None
    assert site["measured"]["red_peak_nm"] == pytest.approx(630.0, abs=1.0)


def test_more_than_a_server_takes_are_refused(running: Path, uid: str) -> None:
    async def many() -> None:
        hub = Hub(running)
        hub.n_followers = MOST_FOLLOWERS
        with pytest.raises(TooManyError):
            await hub.follow(uid)

    asyncio.run(many())


def test_pages(client: Client, uid: str, tmp_path: Path, token: str) -> None:
    from beamline.web.app import make_app

    assert "made-up" in client.get("/").text
    rows = client.get("/campaigns").text
    assert f"/campaigns/{uid}/report/report.html" in rows
    compared = client.get(f"/compare?uid={uid}").text
    assert "A1 on C2" in compared
    assert client.get("/compare").status_code == 400
    assert client.get(f"/campaigns/{uid}/report/report.html").text == "<p>the report</p>"
    missing = client.get("/nowhere", headers={"Accept": "text/html"})
    assert (missing.status_code, "To the night" in missing.text) == (404, True)
    with Client(make_app(tmp_path, token)) as empty:
        assert "No campaign yet" in empty.get("/").text


def test_the_page_changes_nothing(whole: Path, uid: str, token: str) -> None:
    from beamline.web.app import make_app

    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in whole.rglob("*")}
    with Client(make_app(whole, token)) as client:
        for path in (
            "/",
            "/campaigns",
            f"/compare?uid={uid}",
            f"/api/campaigns/{uid}",
            f"/api/campaigns/{uid}/coupons/C1/sites/A1",
        ):
            assert client.get(path).status_code == 200
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in whole.rglob("*")} == before


def test_the_command_loads_nothing_of_a_server_for_its_help() -> None:
    code = (
        "import sys, beamline.cli; from click.testing import CliRunner; "
        "print(CliRunner().invoke(beamline.cli.main, ['web', '--help']).exit_code); "
        "print([m for m in ('uvicorn', 'starlette', 'jinja2', 'numba', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["0", "[]"]
