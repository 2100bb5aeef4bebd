"""``python -m tests.e2e.screens OUT_DIR``: the six main screens, taken from a demo that runs for it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from tests.e2e.browser import chromium
from tests.e2e.people import DESKTOP, PHONE, Person, gateway_url, person, read
from tests.e2e.stage import showing

SCREENS = ("phone-home", "phone-goods", "phone-order", "desk-map", "desk-product", "desk-operate")


def shoot(browser: Browser, url: str, folder: Path, out: Path, order: str) -> list[Path]:
    """Pictures named after SCREENS; ``folder`` holds the gateway's files, ``order`` is the farmer's page."""
    out.mkdir(parents=True, exist_ok=True)
    phone = {**PHONE, "locale": "en-GB"}
    anna = person(browser, url, folder, "anna", **phone)
    farmer = person(browser, url, folder, "farmer", **phone)
    inge = person(browser, url, folder, "inge", "operator", **DESKTOP, locale="en-GB")
    product = next(one["id"] for one in read(f"{url}/api/v1/products")["items"] if one["gate"] is None)
    cleared = read(f"{url}/api/v1/prices?limit=1000")["items"][-1]["product"]
    found = [
        _picture(anna, "/me", out / "phone-home.png"),
        _picture(farmer, f"/me/goods/{product}", out / "phone-goods.png"),
        _picture(farmer, order, out / "phone-order.png"),
        _picture(inge, "/desk", out / "desk-map.png"),
        _picture(inge, f"/desk/product/{cleared}", out / "desk-product.png"),
        _picture(inge, "/desk/operate", out / "desk-operate.png"),
    ]
    for one in (anna, farmer, inge):
        one.context.close()
    return found


def _picture(who: Person, path: str, file: Path) -> Path:
    page = who.go(path)
    page.wait_for_load_state("load")
    page.screenshot(path=file)
    return file


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.screens", description=__doc__)
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as made, showing(Path(made) / "data", "--intervals", "300") as play:
        url = gateway_url(play)
        play.wait_for("goods delivered and paid", lambda: _settled(url))
        with chromium() as browser:
            farmer = person(browser, url, play.folder, "farmer", **PHONE)
            farmer.go("/me/orders")
            order = farmer.page.get_attribute("a.receipt >> nth=-1", "href") or ""
            for path in shoot(browser, url, play.folder, chosen.folder, order):
                sys.stdout.write(f"{path}\n")


def _settled(url: str) -> bool:
    trades = read(f"{url}/api/v1/trades?limit=1000")["items"]
    paid = {trade["commodity"] for trade in trades if trade["state"] == "released"}
    return paid == {"power", "goods"}


if __name__ == "__main__":
    main()
