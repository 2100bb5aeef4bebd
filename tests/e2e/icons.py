"""``python -m tests.e2e.icons``: the installed app's icons as PNG, drawn from icon.svg by a browser."""

from __future__ import annotations

import sys

from tests.e2e.browser import chromium
from tradelane.gateway.web.assets import STATIC
from tradelane.gateway.web.phone.installed import SIZES

TOUCH = 180
"""What Apple's home screens ask for, in pixels."""


def main() -> None:
    drawing = (STATIC / "icon.svg").read_text()
    with chromium() as browser:
        for size in (TOUCH, *SIZES):
            page = browser.new_page(viewport={"width": size, "height": size})
            page.set_content(f"<style>body {{ margin: 0 }} svg {{ display: block }}</style>{drawing}")
            file = STATIC / f"icon-{size}.png"
            page.screenshot(path=file)
            sys.stdout.write(f"{file}: {file.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
