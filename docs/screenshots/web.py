"""Pictures of the web page for the documentation: light and dark, phone, desktop and a screen on the wall.

    python docs/screenshots/web.py --data vitrail-data

A night that asks about its next coupon gives pictures of that, `web-asks-*`, as somebody with the token sees it.
Serves the page of a record folder on a free port of loopback, opens it in the Chromium of this machine, and writes PNG files.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
SIZES = {"desktop": (1440, 900), "phone": (390, 1500), "wall": (1920, 1080)}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the records")
    parser.add_argument("--out", type=Path, default=HERE, help="where the pictures go")
    parser.add_argument("--campaign", default="", help="uid; default: the newest")
    parser.add_argument("--site", default="", help="COUPON/SITE to be chosen; default: the best")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("there is no chromium on this machine: install the package `chromium`")
    command = [sys.executable, "-c", "from beamline.cli import main; main()", "web", "--port", "0"]
    with subprocess.Popen([*command, "--data", str(arguments.data)], stdout=subprocess.PIPE, text=True) as server:  # noqa: S603  # our own command
        assert server.stdout is not None
        url = server.stdout.readline().split()[-1] + (f"campaigns/{arguments.campaign}" if arguments.campaign else "")
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
                for scheme in ("light", "dark"):
                    for size, (width, height) in SIZES.items():
                        page = browser.new_page(
                            viewport={"width": width, "height": height},
                            color_scheme="light" if scheme == "light" else "dark",
                            device_scale_factor=2 if size == "phone" else 1,
                        )
                        page.goto(url)
                        page.locator("#state", has_not_text="…").wait_for()
                        asks = page.locator("#question").is_visible()
                        if asks:
                            unlock(page, (arguments.data / "web.token").read_text())
                        else:
                            show_site(page, arguments.site)
                        path = arguments.out / f"web-{'asks-' if asks else ''}{scheme}-{size}.png"
                        page.screenshot(path=path, full_page=size == "desktop" and not asks)
                        with Image.open(path) as picture:  # a page has few colours
                            picture.convert("RGB").quantize(128).save(path, optimize=True)
                        page.close()
                browser.close()
        finally:
            server.terminate()


def show_site(page: Page, site: str) -> None:
    """Wait for the night, and choose a site."""
    page.wait_for_selector("#spectrum svg")
    if site:
        serial, name = site.split("/")
        page.click(f'#coupon-tabs [data-serial="{serial}"]')
        page.click(f'#map [data-site="{name}"]')
    elif page.locator("#best .quiet").count():
        page.click("#best .quiet")
    page.wait_for_selector("#site-detail table")
    page.evaluate("window.scrollTo(0, 0); document.activeElement.blur()")


def unlock(page: Page, token: str) -> None:
    """Give the page the token."""
    page.click("#unlock")
    page.fill("#token", token)
    page.click("#token-ok")
    page.wait_for_selector("#question-actions:not([hidden])")
    page.evaluate("document.activeElement.blur()")


if __name__ == "__main__":
    main()
