"""The examples of docs/EHUB.md: what is shown there is what the signer makes and the hub accepts."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tests import docs
from tests.settlement.facade import running_facade
from tests.settlement.hubs import ANA, BEN
from tests.settlement.signed import KEYS, PUBLIC
from tests.shared import ROOT
from tradelane.settlement.ehub import signing
from tradelane.settlement.ehub.server import rfc9421

TEXT = (ROOT / "docs/EHUB.md").read_text().partition("## For gateways and phones")[2]
URL = "https://hub.example/api/v1/open-payments/quotes"


def shown(language: str) -> str:
    return docs.code(TEXT, language)[0].removesuffix("\n")


def test_the_signature_shown_is_the_one_that_is_made() -> None:
    body, base = shown("json").encode(), shown("text")
    said = re.search(r'created=(\d+);keyid="ana";nonce="(\w+)"', base)
    assert said is not None
    params = signing.parameters("ana", int(said[1]), said[2], signs_body=True)
    assert base.encode() == signing.signature_base("POST", URL, signing.content_digest(body), params)
    made = signing.Signer("ana", KEYS["ana"], lambda: int(said[1]) * 1000, lambda: said[2])
    fields = made.headers("POST", URL, body)
    assert shown("http").splitlines() == [f"{name}: {value}" for name, value in fields.items()]
    assert rfc9421.verified(rfc9421.Message("POST", URL, fields), body, PUBLIC.get)["nonce"] == said[2]


def test_the_program_shown_pays(furnished: Path, tmp_path: Path) -> None:
    with running_facade(furnished, tmp_path) as hub:
        hub.at = int(time.time() * 1000)
        hub.rate("EUR", "GBP", "0.8", 0)
        exec(shown("python").replace("http://127.0.0.1:8081", hub.hub.url), {})
        books = hub.balances()
        assert (books[ANA], books[BEN]) == ("97.5", "2")
