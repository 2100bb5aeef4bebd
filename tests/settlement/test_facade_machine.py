"""Quotes and payments in any order against a model of plain sums, over rates that come and go and a clock.

Always true: no currency's sum leaves zero; balances are what the paid quotes said; a quote is paid at most
once and never after its time; what was refused under a key stays refused; a wallet never goes below zero.
"""

from __future__ import annotations

import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from sqlalchemy import Connection, insert, select

from tests.settlement.hubs import NOW
from tradelane.gateway.store import open_engine
from tradelane.market.units import Money, iso
from tradelane.settlement.ehub import wire_payments as wire
from tradelane.settlement.ehub.server import chain, ledger, tables
from tradelane.settlement.ehub.server.commands import Answer, Command, once, request_hash
from tradelane.settlement.ehub.server.openpayments import outgoing, quotes, rates
from tradelane.settlement.ehub.server.openpayments.places import Places
from tradelane.settlement.ehub.server.signatures import Caller
from tradelane.settlement.ledger import Transfer, single

WALLETS = {"member:ana:EUR": 5_000, "member:bea:EUR": 0, "member:cem:GBP": 300, "member:dan:JPY": 40_000}
CURRENCIES = ("EUR", "GBP", "JPY")
DESKS = ("fx", "rounding", "platform", "issuer")
FEE_PPM = 30_000
OPERATOR, HERE = Caller(None), Places("http://hub")
wallets = st.sampled_from(sorted(WALLETS))
currencies = st.sampled_from(CURRENCIES)


class FacadeMachine(RuleBasedStateMachine):
    """The model: nano-units of each account, and which quotes are paid."""

    made = Bundle("made")
    keys = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.engine = open_engine(Path(self.folder.name) / "hub.sqlite")
        self.at, self.count = NOW, 0
        self.paid: set[str] = set()
        self.answers: dict[str, tuple[wire.AskOutgoing, Answer]] = {}
        self.balances = {f"{desk}:{one}": 0 for desk in DESKS for one in CURRENCIES} | WALLETS
        with self.engine.begin() as conn:
            tables.metadata.create_all(conn)
            conn.execute(insert(tables.accounts), [self._account(name) for name in self.balances])
            for name, nano in WALLETS.items():
                self._seed(conn, name, nano)

    def teardown(self) -> None:
        self.engine.dispose()
        self.folder.cleanup()

    @rule(sell=currencies, buy=currencies, mid=st.integers(1, 4_000), spread=st.integers(0, 90_000))
    def post_rate(self, sell: str, buy: str, mid: int, spread: int) -> None:
        if sell != buy:
            until = iso(self.at + 90_000)
            question = wire.PostRate(
                sell=sell, buy=buy, mid=f"{mid / 1000:.3f}", spread_ppm=spread, valid_until=until
            )
            assert self.run(f"rate-{self.number()}", question, rates.post).status == 201

    @rule(target=made, payer=wallets, payee=wallets, nano=st.integers(1, 900), receives=st.booleans())
    def quote(self, payer: str, payee: str, nano: int, receives: bool) -> dict[str, Any] | None:
        side = "receive" if receives else "debit"
        currency = (payee if receives else payer)[-3:]
        amount = wire.Paid(value=str(nano), asset_code=currency, asset_scale=9)
        amounts = {"receive_amount": amount} if receives else {"debit_amount": amount}
        question = wire.AskQuote(wallet_address=payer, receiver=payee, **amounts)
        effect = partial(quotes.ask, asker=OPERATOR, places=HERE, fee=lambda *_: FEE_PPM)
        answer = self.run(f"quote-{self.number()}", question, effect)
        said: dict[str, Any] = json.loads(answer.text)
        if answer.status == 201:
            assert said[f"{side}Amount"]["value"] == str(nano)
            return said
        assert payer == payee or said["type"].endswith(("no-rate", "amount-out-of-range"))
        return None

    @rule(target=keys, quote=made)
    def pay(self, quote: dict[str, Any] | None) -> str:
        key = f"pay-{self.number()}"
        if quote is None:
            return key
        question = wire.AskOutgoing(wallet_address=quote["walletAddress"], quote_id=quote["id"])
        answer = self.run(key, question, partial(outgoing.pay, asker=OPERATOR, places=HERE))
        debit, receive = (int(quote[f"{side}Amount"]["value"]) for side in ("debit", "receive"))
        payer, payee = (quote[name].rpartition("/")[2] for name in ("walletAddress", "receiver"))
        funds, fresh = self.balances[payer] >= debit, iso(self.at) < quote["expiresAt"]
        assert (answer.status == 201) == (funds and fresh and quote["id"] not in self.paid)
        if answer.status == 201:
            self.paid.add(quote["id"])
            self.balances[payer] -= debit
            self.balances[payee] += receive
        self.answers[key] = question, answer
        return key

    @rule(key=keys)
    def pay_again(self, key: str) -> None:
        if key in self.answers:
            question, first = self.answers[key]
            again = self.run(key, question, partial(outgoing.pay, asker=OPERATOR, places=HERE))
            assert (again.status, again.text, again.replayed) == (first.status, first.text, True)

    @rule(ms=st.sampled_from([1, 60_000, 120_000]))
    def wait(self, ms: int) -> None:
        self.at += ms

    @invariant()
    def books_are_the_model_s(self) -> None:
        t = tables.accounts
        with self.engine.begin() as conn:
            books = {row.account: row.posted_nano for row in conn.execute(select(t))}
            assert chain.verify_chain(conn) is None
        for currency in CURRENCIES:
            assert sum(nano for name, nano in books.items() if name.endswith(currency)) == 0
            assert books[f"rounding:{currency}"] >= 0 and books[f"platform:{currency}"] >= 0
        for name in WALLETS:
            assert books[name] == self.balances[name] >= 0

    def run(self, key: str, question: Any, effect: Any) -> Answer:
        command = Command(key, request_hash("POST", "/", question), self.at)
        with self.engine.begin() as conn:
            return once(conn, command, lambda inner: effect(inner, command, question))

    def number(self) -> int:
        self.count += 1
        return self.count

    def _account(self, name: str) -> dict[str, Any]:
        limited = name.startswith(("member", "platform"))
        balances = {"posted_nano": 0, "held_nano": 0, "limit_nano": 0 if limited else None}
        return {"account": name, "owner": "o", "currency": name[-3:], "opened_at": NOW, **balances}

    def _seed(self, conn: Connection, name: str, nano: int) -> None:
        if nano:
            moved = Transfer(f"seed/{name}", f"issuer:{name[-3:]}", name, Money(nano, name[-3:]), "deposit")
            ledger.execute(conn, [single(moved)], NOW)


TestFacade = FacadeMachine.TestCase
TestFacade.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
