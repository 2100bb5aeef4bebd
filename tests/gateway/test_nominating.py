"""What operators are told is what was cleared, to the Wh, once, and again after any restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.marketplace import (
    BETH,
    BRAM,
    CONFIG,
    FIRST,
    GATE,
    POWER,
    SECOND,
    START,
    Marketplace,
    forget,
    in_market,
    sell_abroad,
)
from tests.settlement.border_flows import GB, MARKET, NGESO, NL, NO2, TENNET, energy
from tradelane.gateway import keys
from tradelane.gateway.catalogue import DAY, Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.file import RoleFile
from tradelane.gateway.migrations import HEAD, PLACE
from tradelane.gateway.nominating import Nominator
from tradelane.gateway.sections import ZoneSection
from tradelane.market.units import MINUTE, Interval, instant
from tradelane.settlement.ehub.client import HubClient
from tradelane.settlement.ehub.wire_nominations import Nominate
from tradelane.settlement.nomination import Nomination, Schedule, document, nomination_id

CODES = (
    CONFIG.replace('numeraire = "EUR"', f'numeraire = "EUR"\neic = "{MARKET}"')
    .replace('name = "Netherlands"', f'name = "Netherlands", eic = "{NL}", operator = "{TENNET}"')
    .replace('name = "Great Britain"', f'name = "Great Britain", eic = "{GB}", operator = "{NGESO}"')
)
TODAY = Interval.at(FIRST.start, DAY)


async def told(market: Marketplace, domain: str) -> tuple[int, dict[Any, Any]]:
    """The newest revision of today's nomination, and the Wh in its document."""
    id = nomination_id(MARKET, domain, TODAY)
    token = keys.load_token(market.config.hub_token_file)
    headers = {"Authorization": f"Bearer {token}"}
    answer = await market.http.get(f"/api/v1/nominations/{id}/document", headers=headers)
    assert answer.status_code == 200, answer.text
    state = await market.hub.nominations.nomination(id)
    return state.revision, {key: wh for key, wh in energy(answer.content).items() if wh}


async def nominated(market: Marketplace, count: int) -> None:
    """Wait until so many commands to nominate were answered."""

    async def there() -> bool:
        rows = market.rows("SELECT value FROM meta WHERE key = 'nominated'")
        clearings = market.rows("SELECT DISTINCT seq FROM prices ORDER BY seq")
        return len(clearings) == count and rows == [(str(clearings[-1][0]),)]

    await market.until(there)


def flows(market: Marketplace, product: str = POWER) -> dict[str, tuple[int, int]]:
    rows = market.rows(f"SELECT lane, sent, received FROM flows WHERE product = '{product}'")
    return {lane: (sent, received) for lane, sent, received in rows}


def test_both_operators_are_told_what_crosses_their_border(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await sell_abroad(market)
        market.now = GATE
        await nominated(market, 1)
        sent, received = flows(market)["NL>GB"]
        assert sent > received > 0
        over = ("NL>GB", NL, GB)
        assert await told(market, NL) == (1, {over: {FIRST.start: sent}})
        assert await told(market, GB) == (1, {over: {FIRST.start: received}})
        net = dict(market.rows("SELECT zone, net FROM prices"))
        assert net == {"NL": sent, "GB": -received}

    in_market(tmp_path, use, config=CODES)


def test_a_day_grows_with_its_clearings_and_survives_restarts(tmp_path: Path) -> None:
    async def day(market: Marketplace) -> list[tuple[int, dict[Any, Any]]]:
        if not await market.trades():
            await sell_abroad(market)
            market.now = GATE
            await nominated(market, 1)
            second = f"power/{SECOND}"
            await market.taken(BRAM, "sell", "50", "0.003", product=second)
            await market.taken(BETH, "buy", "100", "0.003", product=second)
            market.now = GATE + 15 * MINUTE
        await nominated(market, 2)
        sent = [flows(market, f"power/{interval}")["NL>GB"][0] for interval in (FIRST, SECOND)]
        found = [await told(market, NL), await told(market, GB)]
        assert found[0] == (2, {("NL>GB", NL, GB): {FIRST.start: sent[0], SECOND.start: sent[1]}})
        return found

    first = in_market(tmp_path, day, config=CODES)
    later = GATE + 16 * MINUTE
    assert in_market(tmp_path, day, later, CODES) == first
    forget(tmp_path, "UPDATE meta SET value = '0' WHERE key = 'nominated'")
    assert in_market(tmp_path, day, later, CODES) == first, "told again under the same keys it is the same"


def test_nobody_is_told_where_codes_are_missing(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await sell_abroad(market)
        market.now = GATE
        await market.settled("funded", "funded")
        assert market.rows("SELECT value FROM meta WHERE key = 'nominated'") == []

    for n, config in enumerate((CONFIG, CODES.replace(f'eic = "{GB}", ', ""))):
        folder = tmp_path / str(n)
        folder.mkdir()
        in_market(folder, use, config=config)


ZONES = {"NL": NL, "GB": GB, "NO2": NO2}
LANES = [(a, b) for a in ZONES for b in ZONES if a != b]


def section(lanes: list[tuple[str, str]]) -> ZoneSection:
    return ZoneSection.model_validate(
        {
            "id": "north-sea",
            "name": "North Sea",
            "numeraire": "EUR",
            "eic": MARKET,
            "zones": [
                {"id": id, "name": id, "currency": "EUR", "eic": code, "operator": TENNET}
                for id, code in ZONES.items()
            ],
            "lanes": [{"id": f"{a}>{b}", "source": a, "target": b, "capacity_kw": 1} for a, b in lanes],
        }
    )


def written(said: Nominate) -> bytes:
    """As the hub would write it."""
    schedules = [
        Schedule(one.lane, one.in_domain, one.out_domain, {instant(p.start): p.wh for p in one.points})
        for one in said.series
    ]
    day = Interval(instant(said.start), instant(said.end))
    resolution = said.resolution_minutes * MINUTE
    return document(
        Nomination(
            said.nomination, 1, said.sender, said.receiver, said.domain, day, resolution, START, schedules
        )
    )


HUB = HubClient("http://hub", "token")  # never asked


@settings(max_examples=30)
@given(
    st.lists(st.sampled_from(LANES), min_size=1, unique=True).flatmap(
        lambda lanes: st.fixed_dictionaries(
            {lane: st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)) for lane in lanes}
        )
    )
)
def test_nominations_sum_to_the_clearing_s_flows(sold: dict[tuple[str, str], tuple[int, int]]) -> None:
    catalogue = Catalogue(section(list(sold)))
    nominator = Nominator(RoleFile(Path("none"), PLACE, HEAD), HUB, catalogue, Clock())
    by_lane = {f"{a}>{b}": wh for (a, b), wh in sold.items()}
    for zone in catalogue.section.zones:
        crossing = [lane for lane in sold if zone.id in lane]
        said = energy(written(nominator.question(zone, FIRST, by_lane)))
        assert len(said) == len(crossing)
        out = sum(wh.get(FIRST.start, 0) for (_, source, _), wh in said.items() if source == zone.eic)
        into = sum(wh.get(FIRST.start, 0) for (_, _, target), wh in said.items() if target == zone.eic)
        assert out == sum(sold[lane][0] for lane in crossing if lane[0] == zone.id)
        assert into == sum(sold[lane][1] for lane in crossing if lane[1] == zone.id)
