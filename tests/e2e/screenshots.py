"""``python -m tests.e2e.screenshots OUT_DIR [--url URL] [--member ID]``: the page at phone and desktop size.

Without a URL it shows a sample market.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from playwright.sync_api import Browser

from tests.e2e.browser import chromium
from tests.gateway.page_samples import busy
from tests.gateway.page_server import PageUnderTest

SIZES = {"phone": (390, 844, 2), "desktop": (1280, 800, 1.5)}
SCHEMES = ("light", "dark")


def shoot(browser: Browser, url: str, folder: Path) -> list[Path]:
    """Four pictures, named ``page-SIZE-SCHEME.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for size, (width, height, scale) in SIZES.items():
        for scheme in SCHEMES:
            page = browser.new_page(
                viewport={"width": width, "height": height},
                device_scale_factor=scale,
                color_scheme=scheme,  # type: ignore[arg-type]  # a literal in a loop
            )
            page.goto(url)
            page.wait_for_selector("#status[data-state=live]")
            paths.append(folder / f"page-{size}-{scheme}.png")
            page.screenshot(path=paths[-1], full_page=True)
            page.close()
    return paths


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", help="a running gateway's page")
    parser.add_argument("--member", help="whose day to show")
    chosen = parser.parse_args(arguments)
    served = None if chosen.url else PageUnderTest(busy)
    if served:
        served.publish()
    member = chosen.member or (None if chosen.url else "nl-roof-1")
    url = f"{served.url if served else chosen.url}/" + (f"?member={member}" if member else "")
    try:
        with chromium() as browser:
            for path in shoot(browser, url, chosen.folder):
                sys.stdout.write(f"{path}\n")
    finally:
        if served:
            served.stop()


if __name__ == "__main__":
    main()
