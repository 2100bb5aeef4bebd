"""The invariants of money, energy and order, held against the SQLite files themselves.

Written without the gateway's own checks, or any of its code: plain SQL, whole numbers, SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

Row = sqlite3.Row
MOVED = "phase IN ('single', 'post')"
RESERVED = (
    "SELECT h.contract, e.source AS account, e.nano, p.state FROM reservation_holds h"
    " JOIN entries e ON e.seq = h.seq JOIN pendings p ON p.seq = h.seq"
)
FINAL = ("released", "refused", "refunded")


def rows(folder: Path, role: str, query: str, *values: object) -> list[Row]:
    with closing(sqlite3.connect(f"file:{folder / role}.sqlite?mode=ro", uri=True)) as conn:
        conn.row_factory = sqlite3.Row
        return conn.execute(query, values).fetchall()


def faults(folder: Path) -> list[str]:
    """Everything that is not as it has to be, in words; none in a demo that has ended."""
    checks = (
        money_is_conserved, balances_are_their_transfers, held_is_reserved, settled_once, paid_by_both,
        energy_adds_up, delivered_is_metered, orders_have_effect, journal_chain, reading_chains,
    )  # fmt: skip
    return [f"{check.__name__}: {fault}" for check in checks for fault in check(folder)]


def money_is_conserved(folder: Path) -> Iterator[str]:
    sums = rows(folder, "hub", "SELECT currency, SUM(posted_nano) AS nano FROM accounts GROUP BY currency")
    assert len(sums) == 3
    for row in sums:
        if row["nano"] != 0:
            yield f"all accounts in {row['currency']} add up to {row['nano']}"


def balances_are_their_transfers(folder: Path) -> Iterator[str]:
    balance: Counter[str] = Counter()
    for row in rows(folder, "hub", "SELECT source, target, nano FROM entries WHERE " + MOVED):
        balance[row["source"]] -= row["nano"]
        balance[row["target"]] += row["nano"]
    for row in rows(folder, "hub", "SELECT account, posted_nano, held_nano, limit_nano FROM accounts"):
        if row["posted_nano"] != balance[row["account"]]:
            yield f"{row['account']} has {row['posted_nano']}, its transfers say {balance[row['account']]}"
        if row["limit_nano"] is not None and row["posted_nano"] - row["held_nano"] < row["limit_nano"]:
            yield f"{row['account']} is below its limit"


def held_is_reserved(folder: Path) -> Iterator[str]:
    held: Counter[str] = Counter()
    for row in rows(folder, "hub", f"{RESERVED} WHERE p.state = 'pending'"):
        held[row["account"]] += row["nano"]
    for row in rows(folder, "hub", "SELECT account, held_nano FROM accounts"):
        if row["held_nano"] != held[row["account"]]:
            yield f"{row['account']} holds {row['held_nano']}, reserved are {held[row['account']]}"


def settled_once(folder: Path) -> Iterator[str]:
    """A contract has at most one reservation and one settlement, and the two sides agree on its end."""
    reserved = _by_contract(folder, RESERVED)
    settled = _by_contract(folder, "SELECT * FROM settlements")
    contracts = {row["id"]: row for row in rows(folder, "zone", "SELECT * FROM contracts")}
    yield from (f"{id} is the e-hub's alone" for id in {*reserved, *settled} - set(contracts))
    for id, row in contracts.items():
        state = row["state"]
        counts = (len(reserved[id]), len(settled[id]))
        allowed = {"agreed": 0, "refused": 0, "funded": 0, "shipped": 0, "released": 1}.get(state)
        if counts[0] > 1 or counts[1] > 1:
            yield f"{id} has {counts[0]} reservations and {counts[1]} settlements"
        if allowed is not None and counts[1] != allowed:
            yield f"{id} is {state} here and has {counts[1]} settlements there"
        if state == "released" and [r["state"] for r in reserved[id]] not in ([], ["posted"], ["voided"]):
            yield f"{id} is released, its reservation is not"


def paid_by_both(folder: Path) -> Iterator[str]:
    """Each released contract's transfers leave a receipt on both sides, and never cost more than reserved."""
    reserved = {row["contract"]: row["nano"] for row in rows(folder, "hub", RESERVED)}
    touched: defaultdict[str, set[str]] = defaultdict(set)
    spent: Counter[tuple[str, str]] = Counter()
    for row in rows(folder, "hub", "SELECT * FROM entries WHERE settlement IS NOT NULL AND " + MOVED):
        touched[row["contract"]] |= {a for a in (row["source"], row["target"]) if a.startswith("member:")}
        spent[row["contract"], row["source"]] += row["nano"]
    receipts: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows(folder, "hub", "SELECT contract, account FROM receipts"):
        receipts[row["contract"]].append(row["account"])
    for row in rows(folder, "zone", "SELECT * FROM contracts WHERE state = 'released'"):
        id, zones = row["id"], json.loads(row["detail"])["zones"]
        seller, buyer = (
            f"member:{row[side]}:{zones[row[side + '_zone']]['currency']}" for side in ("seller", "buyer")
        )
        both = (
            {seller, buyer} if row["delivered"] and json.loads(row["detail"]).get("received", 1) else {seller}
        )
        if sorted(receipts[id]) != sorted(touched[id]) or not both <= touched[id] <= {seller, buyer}:
            yield f"{id} of {seller} and {buyer}: transfers of {touched[id]}, receipts of {receipts[id]}"
        if spent[id, buyer] > reserved.get(id, 0):
            yield f"{buyer} paid {spent[id, buyer]} for {id}, {reserved.get(id, 0)} was reserved"


def energy_adds_up(folder: Path) -> Iterator[str]:
    for row in rows(folder, "zone", "SELECT * FROM contracts WHERE state = 'released'"):
        parts = (row["delivered"], row["imbalance"])
        if min(parts) < 0 or sum(parts) != row["sent"]:
            yield f"{row['id']}: sold {row['sent']}, delivered and imbalance {parts}"


def delivered_is_metered(folder: Path) -> Iterator[str]:
    """Sellers were paid for no more than they stated, and stated what was metered."""
    metered = {
        (row["member"], row["interval_start"]): row["export_wh"]
        for row in rows(folder, "edge", "SELECT * FROM metered")
    }
    delivered: Counter[tuple[str, int]] = Counter()
    query = "SELECT * FROM contracts WHERE state = 'released' AND commodity = 'power'"
    for row in rows(folder, "zone", query):
        delivered[row["seller"], row["interval_start"]] += row["delivered"]
    for key, wh in delivered.items():
        if wh > metered[key]:
            yield f"{key} was paid for {wh} Wh, metered were {metered[key]}"
    for row in rows(folder, "zone", "SELECT * FROM statements"):
        key = (row["member"], row["interval_start"])
        if row["export_wh"] != metered.get(key):
            yield f"{key} stated {row['export_wh']} Wh, metered were {metered.get(key)}"


def orders_have_effect(folder: Path) -> Iterator[str]:
    """Journal and orders tell the same: each order once, each gate cleared once, each fill a contract."""
    entries = rows(folder, "zone", "SELECT seq, kind, body FROM journal ORDER BY seq")
    events: defaultdict[str, list[tuple[int, Any]]] = defaultdict(list)
    for entry in entries:
        events[entry["kind"]].append((entry["seq"], json.loads(entry["body"])))
    orders = {row["id"]: row for row in rows(folder, "zone", "SELECT * FROM orders")}
    journaled = [(body["id"], seq) for seq, body in events["order"] + events["goods_order"]]
    if sorted(journaled) != sorted((id, row["seq"]) for id, row in orders.items()):
        yield f"{len(journaled)} orders in the journal, {len(orders)} beside it"
    cleared = Counter(body["product"] for _, body in events["clearing"])
    gates = {body["product"]: seq for seq, body in events["gate"]}
    yield from (f"{product} was cleared {n} times" for product, n in cleared.items() if n > 1)
    filled: Counter[str] = Counter()
    for row in rows(folder, "zone", "SELECT * FROM contracts"):
        filled[row["seller_order"]] += row["sent"]
        filled[row["buyer_order"]] += row["received"]
    for id, row in orders.items():
        if filled[id] != row["filled"] or row["filled"] > row["quantity"]:
            yield f"{id}: {row['quantity']} ordered, {row['filled']} filled, {filled[id]} in contracts"
        if row["product"] in gates and (row["state"] == "open" or gates[row["product"]] < row["seq"]):
            yield f"{id} is {row['state']} after its gate, or came after it"
        if row["product"] in gates and row["product"] not in cleared:
            yield f"{id} was never cleared"


def journal_chain(folder: Path) -> Iterator[str]:
    prev = bytes(32)
    for seq, row in enumerate(rows(folder, "zone", "SELECT * FROM journal ORDER BY seq"), 1):
        fields = b"%s%d\n%d\n%s\n%s" % (prev, seq, row["at"], row["kind"].encode(), row["body"].encode())
        if (row["seq"], row["prev"], row["hash"]) != (seq, prev, hashlib.sha256(fields).digest()):
            yield f"entry {seq} does not follow"
        prev = row["hash"]


def reading_chains(folder: Path) -> Iterator[str]:
    chains: dict[str, tuple[int, bytes]] = {}
    for row in rows(folder, "edge", "SELECT * FROM readings ORDER BY meter, seq"):
        last, prev = chains.get(row["meter"], (0, bytes(32)))
        link = b"tradelane.reading/1\n" + (last + 1).to_bytes(8, "big") + prev + row["body"]
        if (row["seq"], row["prev"], row["hash"]) != (last + 1, prev, hashlib.sha256(link).digest()):
            yield f"{row['meter']}: record {last + 1} does not follow"
        chains[row["meter"]] = (row["seq"], row["hash"])
    if len(chains) != 18:
        yield f"{len(chains)} meters were read"


def unfinished(folder: Path, end: int) -> list[str]:
    """Power contracts delivered by ``end`` (market ms) that are not in their last state."""
    query = "SELECT id, state FROM contracts WHERE commodity = 'power' AND interval_end <= ?"
    return [f"{r['id']} is {r['state']}" for r in rows(folder, "zone", query, end) if r["state"] not in FINAL]


def _by_contract(folder: Path, query: str) -> defaultdict[str, list[Row]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows(folder, "hub", query):
        found[row["contract"]].append(row)
    return found
