"""What ten open pages cost a night: the same night with none and with ten, in turns, and the ratio of their times.

    python benchmarks/open_pages.py [--pages 10] [--repeats 5] [--coupons 40] [--where browser|streams] [--kind random|physics]

The night runs on the simulated bench, in a process of its own, as fast as the machine lets it: the hardest case, since a night of
glass and furnaces waits nearly all of its time. `--where browser`: the pages are drawn by the Chromium of this very machine.
`--where streams`: they are drawn elsewhere; this machine runs the server, and ten clients take what it sends.

Every night is paused at its beginning until the pages are open. Its time is that of its records from then on, for the same runs
of the same seed; the processor time is that of the night's process from beginning to end.
Exit code 1 where ten pages cost more than is promised.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from beamline.campaign.asked import ask
from beamline.campaign.history import campaign_history, campaign_uids
from beamline.records import Records

PROMISED = 0.05
"""Of a night's time, that ten pages may cost at most."""
N_BEFORE = 2
"""Coupons at the beginning that are not counted: the night is paused in them until the pages are open."""
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
VITRAIL = [sys.executable, "-c", "from beamline.cli import main; main()"]
HEAD = """
name = "watched"
seed = 3
optimizer.kind = "{kind}"
sites.per_coupon = 6
measurement = {{ integration_s = 0.1, n_averages = 2 }}
stop.max_coupons = {n}
[[glass]]
name = "BrI"
bromide = 1.5
iodide = 1.5
"""
COUPON = '[[coupon]]\nserial = "W{:03d}"\nglass = "BrI"\n'


@contextlib.contextmanager
def no_pages(_data: Path, _n: int) -> Iterator[Callable[[], int]]:
    """Nobody looks."""
    yield lambda: 0


@contextlib.contextmanager
def served(data: Path) -> Iterator[str]:
    """`vitrail web`; its address."""
    command = [*VITRAIL, "web", "--port", "0", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603  # our own command
        assert server.stdout is not None
        try:
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()


@contextlib.contextmanager
def browser_pages(data: Path, n: int) -> Iterator[Callable[[], int]]:
    """Pages in the Chromium of this machine; gives what says how many show the state of the night."""
    from playwright.sync_api import expect, sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("there is no chromium on this machine: install the package `chromium`, or give --where streams")
    with served(data) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        pages = [browser.new_page(viewport={"width": 1440, "height": 900}) for _ in range(n)]
        for page in pages:
            page.goto(url)
            expect(page.locator("#state")).not_to_have_text("…", timeout=30000)
        yield lambda: sum(page.inner_text("#state") not in ("", "…") for page in pages)
        browser.close()


@contextlib.contextmanager
def streams(data: Path, n: int) -> Iterator[Callable[[], int]]:
    """Clients that take the events of the newest campaign; gives what says how many have had one."""
    import httpx

    uid = campaign_uids(Records(data))[-1]
    seen, is_over = [0] * n, threading.Event()

    def follow(number: int, url: str) -> None:
        with httpx.stream("GET", f"{url}api/campaigns/{uid}/events", timeout=60.0) as answer:
            for line in answer.iter_lines():
                seen[number] += line.startswith("data:")
                if is_over.is_set():
                    return

    with served(data) as url:
        threads = [threading.Thread(target=follow, args=(number, url), daemon=True) for number in range(n)]
        for thread in threads:
            thread.start()
        yield lambda: sum(one > 0 for one in seen)
        is_over.set()


def until(is_so: Callable[[], bool], is_dead: Callable[[], bool]) -> None:
    """Look again and again; a night that has ended meanwhile is the end of this."""
    pause = threading.Event()
    while not is_so():
        if is_dead():
            sys.exit("the night ended before it was counted: give it more --coupons")
        pause.wait(0.02)


def night(data: Path, options: argparse.Namespace, pages: Callable[..., Any], n: int) -> dict[str, float]:
    """One night; seconds of its part that counts, and processor seconds of its process."""
    n_coupons = options.coupons + N_BEFORE
    file = data.with_suffix(".toml")
    file.write_text(
        HEAD.format(kind=options.kind, n=n_coupons) + "".join(COUPON.format(i) for i in range(n_coupons)),
        encoding="utf-8",
    )
    words = ["campaign", "run", str(file), "--data", str(data), "--no-catalog", "--no-report", "--json"]
    with (data.with_suffix(".said")).open("w") as said:
        process = subprocess.Popen([*VITRAIL, *words], stdout=said, stderr=said)  # noqa: S603  # our own command
    try:
        records, is_dead = Records(data), lambda: process.poll() is not None
        until(lambda: data.is_dir() and bool(campaign_uids(records)), is_dead)
        uid = campaign_uids(records)[0]
        ask(data, uid, "pause", interface="benchmark")
        until(lambda: campaign_history(records, uid).state.kind == "paused", is_dead)
        with pages(data, n) as n_open:
            until(lambda: n_open() == n, is_dead)
            ask(data, uid, "go on", interface="benchmark")
            _pid, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if n_open() < n or process.returncode:
                sys.exit(f"{n_open()} of {n} pages at the end of the night; its exit code {process.returncode}")
    finally:
        if process.returncode is None:  # something went wrong, and nobody would let it go on
            process.kill()
            process.wait()
    runs = [run for run in Records(data).runs() if run.start["purpose"] in {"writing", "end"}]
    begin_s, end_s = float(runs[N_BEFORE].start["time"]), float(runs[-1].start["time"])
    return {"wall_s": end_s - begin_s, "cpu_s": usage.ru_utime + usage.ru_stime, "n_runs": float(len(runs))}


def main() -> None:
    """Measure in turns, and say it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--coupons", type=int, default=40, help="that count")
    parser.add_argument("--where", choices=["browser", "streams"], default="browser")
    parser.add_argument("--kind", choices=["random", "physics"], default="random", help="of the optimiser")
    options = parser.parse_args()
    arms = {0: no_pages, options.pages: browser_pages if options.where == "browser" else streams}
    found: dict[int, list[dict[str, float]]] = {n: [] for n in arms}
    with tempfile.TemporaryDirectory(prefix="open-pages-") as folder:
        for repeat in range(options.repeats + 1):  # the first one warms caches, and does not count
            for n in list(arms) if repeat % 2 else list(arms)[::-1]:
                one = night(Path(folder) / f"{repeat}-{n}", options, arms[n], n)
                if repeat:
                    found[n].append(one)
                    print(json.dumps({"pages": n, "repeat": repeat, **one}), flush=True)
    for what in ("wall_s", "cpu_s"):
        medians = {n: statistics.median(one[what] for one in found[n]) for n in arms}
        ratios = [many[what] / none[what] for none, many in zip(found[0], found[options.pages], strict=True)]
        print(
            f"{what:<7} median {medians[0]:.2f} s with none, {medians[options.pages]:.2f} s with {options.pages} pages; "
            f"ratio, median of {len(ratios)} pairs: {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
        )
        if what == "wall_s" and statistics.median(ratios) > 1 + PROMISED:
            print(f"more than the {PROMISED:.0%} that is promised")
            raise SystemExit(1)


if __name__ == "__main__":
    main()
