"""Pages in a real browser: every part of a night's, control, reload, a restart of the server, axe-core; reports on paper."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from made_up_nights import UID, cut_night, whole_night
from web_pages import Server, night_beside, shows, violations, within

from beamline.campaign.history import campaign_history, campaign_uids
from beamline.records import Records
from beamline.report import write_report
from beamline.report.compare import compared_nights, write_comparison

NIGHT = """
name = "watched"
seed = 3
optimizer.kind = "random"
sites.per_coupon = 4
measurement = { integration_s = 0.1, n_averages = 2 }
[space]
hold_s = [600, 900]
[[glass]]
name = "BrI"
bromide = 1.5
iodide = 1.5
""" + "".join(f'[[coupon]]\nserial = "W{i:03d}"\nglass = "BrI"\n' for i in range(400))

WIDTH_px, HEIGHT_px = round((210 - 26) / 25.4 * 96), round((297 - 26) / 25.4 * 96)
"""Of what the margins of A4 leave."""
WIDER = """() => [document.documentElement, ...document.querySelectorAll("main *")]
  .filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0)
  .map((one) => `${one.tagName} ${one.scrollWidth} > ${one.clientWidth}: ${one.textContent.slice(0, 60)}`)"""
HIGHEST = """() => Math.max(...[...document.querySelectorAll("figure, .card")].map((one) => one.offsetHeight))"""


@pytest.fixture(scope="module")
def over(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The page of a night that is over."""
    folder = tmp_path_factory.mktemp("over")
    whole_night(folder)
    server = Server(folder)
    yield server
    assert server.end() in (0, -signal.SIGTERM)


def test_every_part_of_the_page_by_mouse_and_by_keyboard(over: Server, pages: Callable[..., Any]) -> None:
    page = pages(over.url, viewport={"width": 1440, "height": 900})
    page.wait_for_selector("#spectrum svg")
    assert page.inner_text("#state") == "done"
    assert page.inner_text("#coupons") == "2 of 2"
    assert page.inner_text("#sites") == "8"
    assert page.inner_text("#reached") == "P = 0.970"
    assert page.locator("#with-token").is_hidden()
    assert page.locator("#unlock").is_hidden(), "nothing can be asked of a night that is over"
    for ident in ("furnace", "peaks", "ratios", "probability", "map"):
        assert page.locator(f"#{ident} svg").count() == 1, ident
    words = page.locator("svg text").all_text_contents()
    for label in (
        "wavelength (nm)",
        "photon energy (eV)",
        "temperature (°C)",
        "red peak (nm)",
        "x (mm)",
        "green : red",
        "P(target reached)",
    ):
        assert label in words, label
    assert "A1 on C2 meets the specification" in page.inner_text("#best")
    assert "± " in page.inner_text("#best")
    page.click('#coupon-tabs [data-serial="C1"]')
    page.click('#map [data-site="A1"]')
    page.wait_for_selector("#site-detail table")
    assert page.inner_text("#site-title") == "Site A1 on C1"
    assert "100 µJ at 10 kHz" in page.inner_text("#site-detail")
    assert [h.split("\t")[1] for h in page.locator("#site-detail .whole tr").all_inner_texts()] == [
        *("suggested", "written", "heat-treated", "measured")
    ]
    page.focus('#map [data-site="A1"]')
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    shows(page, "site-title", "Site A2 on C1")
    assert page.evaluate("document.activeElement.dataset.site") == "A2"
    page.keyboard.press("Escape")
    page.wait_for_selector("#follow", state="hidden")
    page.click("#by-hour")
    assert "simulated time (h)" in page.locator("#peaks svg text").all_text_contents()
    page.hover("#spectrum svg")
    assert "nm ·" in page.inner_text("#spectrum-readout")
    page.goto(f"{over.url}campaigns")
    assert "made-up" in page.inner_text("table")
    page.goto(f"{over.url}compare?uid={UID}")
    page.wait_for_selector("#by-sites svg")
    assert "made-up" in page.inner_text("table")


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1440), ("light", 1920), ("dark", 2560)])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    over: Server, pages: Callable[..., Any], scheme: str, width: int
) -> None:
    height = {1920: 1080, 2560: 1440}.get(width, 800)
    page = pages(over.url, viewport={"width": width, "height": height}, color_scheme=scheme, bypass_csp=True)
    page.wait_for_selector("#spectrum svg")
    page.click('#map [data-site="A1"]')
    page.wait_for_selector("#site-detail table")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width > 1440:  # what is looked at from across the room is all there, without scrolling
        for part in ("map", "site", "furnace", "best", "convergence"):
            box = page.locator(f".{part}-panel").bounding_box()
            assert box["y"] + box["height"] <= height, part
        drawn = page.locator("#spectrum svg")
        box = drawn.bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 100)
        cross = page.locator("#spectrum .cross")
        at = float(cross.get_attribute("x1")) / float(drawn.get_attribute("width"))
        assert at == pytest.approx(0.6, abs=0.01)  # the cross is where the pointer is, magnified or not
    if width == 1440:
        for path in ("campaigns", f"compare?uid={UID}"):
            page.goto(over.url + path)
            assert violations(page) == []


class Elsewhere(BaseHTTPRequestHandler):
    """A page of somebody else's, without a policy."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!DOCTYPE html><link rel=icon href=data:,><title>elsewhere</title>")

    def log_message(self, *_: Any) -> None:
        return


def test_a_page_of_another_origin_can_neither_read_nor_ask(over: Server, pages: Callable[..., Any]) -> None:
    tries = """async ([url, token]) => {
      const headers = { Authorization: "Bearer " + token };
      const tries = [
        fetch(url + "api/campaigns"),
        fetch(url + "api/campaigns", { headers }),
        fetch(url + "api/campaigns", { mode: "no-cors" }).then((answer) => answer.text()),
        fetch(url + "api/campaigns/x/ask", { method: "POST", headers, body: "{}" }),
        fetch(url + "api/campaigns/x/ask", { method: "POST", mode: "no-cors", body: "{}" }).then((answer) => answer.text()),
        new Promise((good, bad) => { const frame = document.createElement("iframe"); frame.src = url; frame.onload = () => {
          try { good(frame.contentDocument.body.innerText); } catch (error) { bad(error); } }; document.body.append(frame); }),
      ];
      return (await Promise.allSettled(tries)).map((one) => one.status + ":" + (one.value ?? ""));
    }"""
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as elsewhere:
        threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
        page = pages(
            f"http://127.0.0.1:{elsewhere.server_port}/", allow="CORS|Failed to load|Refused|refused|frame|Frame"
        )
        outcome = page.evaluate(tries, [over.url, over.token])
        elsewhere.shutdown()
    assert len(outcome) == 6
    assert all(one in ("rejected:", "fulfilled:") for one in outcome), outcome


def n_pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_what_is_printed_has_all_of_it(tmp_path: Path, pages: Callable[..., Any]) -> None:
    records = cut_night(tmp_path / "data")
    report = write_report(records, UID, tmp_path / "report")
    page = pages(report.as_uri(), viewport={"width": WIDTH_px, "height": HEIGHT_px}, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate(WIDER) == []
    assert page.evaluate(HIGHEST) < HEIGHT_px, "no figure is cut by the end of a page"
    assert page.evaluate("() => document.querySelector('.details').offsetTop") < HEIGHT_px, "one page first"
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    pdf = page.pdf(prefer_css_page_size=True)
    assert re.search(rb"/MediaBox\s*\[0 0 59[45][.\d]* 84[12]", pdf), "A4"
    assert 3 <= n_pages(pdf) <= 8

    files = write_comparison(*compared_nights(records, [UID]), tmp_path / "compared")
    page = pages(files[0].as_uri(), viewport={"width": WIDTH_px, "height": HEIGHT_px})
    page.emulate_media(media="print")
    assert page.evaluate(WIDER) == []
    assert n_pages(page.pdf(prefer_css_page_size=True)) <= 2


@pytest.fixture
def night(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """One with coupons for much longer than the test."""
    with night_beside(tmp_path, NIGHT) as night:
        yield night


def test_a_night_is_followed_paused_gone_on_with_and_stopped(
    night: tuple[Path, subprocess.Popen[str]], pages: Callable[..., Any]
) -> None:
    data, process = night
    records = Records(data)
    (uid,) = campaign_uids(records)
    server = Server(data)
    try:
        page = pages(server.url, allow="net::ERR|401")
        shows(page, "state", "running")
        before = page.inner_text("#elapsed")
        within(20, lambda: page.inner_text("#elapsed") != before, "the page follows the night")
        assert page.locator("#pause").is_hidden(), "without the token it only shows"

        page.click("#unlock")
        page.fill("#token", "0" * 64)
        page.click("#token-ok")
        shows(page, "token-wrong", "That is not the token of this server.")
        page.fill("#token", server.token)
        page.keyboard.press("Enter")
        page.click("#pause")
        shows(page, "state", "paused")
        assert "asked for by web" in page.inner_text("#doing")
        assert campaign_history(records, uid).state.kind == "paused"
        n_runs = len(records.runs())

        assert server.end() in (0, -signal.SIGTERM)  # the night does not mind, and the page finds the new one by itself
        server.begin()
        page.reload()
        shows(page, "state", "paused")
        assert len(records.runs()) == n_runs, "nothing goes on while it is paused"

        page.click("#go-on")
        shows(page, "state", "running")
        within(20, lambda: len(records.runs()) > n_runs, "the night goes on")
        page.click("#stop")
        page.fill("#stop-reason", "the objective is dirty")
        page.keyboard.press("Enter")
        shows(page, "state", "stopped", timeout=20000)
        assert "the objective is dirty" in page.inner_text("#why")
        assert process.wait(30) == 130
        assert process.stdout is not None
        said = json.loads(process.stdout.read())
        assert "asked for by web" in said["reason"]
        assert all(step["error"] is None or step["error"] == "" for step in said["safe_state"])
        audit = [json.loads(line) for line in (data / "audit.jsonl").read_text().splitlines()]
        assert [e["action"] for e in audit if e["interface"] == "web"] == ["pause", "go on", "stop"]
    finally:
        server.end()
