"""What members choose after their edge was configured: checked, journaled, and there after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tradelane.gateway import journal
from tradelane.gateway.choices import Choices, NotChosen
from tradelane.gateway.file import RoleFile
from tradelane.gateway.migrations import HEAD, PLACE
from tradelane.gateway.sections import Member

ROSA = Member(id="rosa", name="Rosa", zone="NL", sells=True, min_price=Decimal("10"), meter="roof")
MILL = Member(id="mill", name="Mill", zone="NL")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[RoleFile]:
    found = RoleFile(tmp_path / "edge.sqlite", PLACE, HEAD)
    found.open()
    yield found
    found.close()


def started(file: RoleFile, *members: Member) -> Choices:
    choices = Choices(members)
    asyncio.run(file.read(choices.restore))
    return choices


def choosing(file: RoleFile, choices: Choices, *wishes: tuple[str, str, str]) -> None:
    async def main(choose: Callable[..., Awaitable[Member]]) -> None:
        for at, wish in enumerate(wishes):
            await choose(file, at, *wish)

    asyncio.run(main(choices.choose))


def kept(file: RoleFile) -> list[tuple[str, str, str]]:
    entries = asyncio.run(file.read(lambda conn: list(journal.read(conn))))
    return [(e.body["member"], e.body["key"], e.body["value"]) for e in entries]


def test_the_newest_choice_holds_also_after_a_restart(file: RoleFile) -> None:
    choices = started(file, ROSA, MILL)
    wishes = [("rosa", "min_price", "20"), ("rosa", "sells", "false"), ("rosa", "min_price", "-2.50")]
    choosing(file, choices, *wishes, ("rosa", "sells", "false"))
    for now in (choices, started(file, ROSA, MILL)):
        rosa, mill = now.members()
        assert (rosa.sells, rosa.min_price, rosa.meter) == (False, Decimal("-2.5"), "roof")
        assert (mill, now.member("rosa")) == (MILL, rosa)
    assert kept(file) == [*wishes[:2], ("rosa", "min_price", "-2.5")], "what changes nothing is not kept"
    assert asyncio.run(file.read(journal.verify)) is None


def test_a_configuration_that_was_changed_since_is_the_newer_word(file: RoleFile) -> None:
    choosing(file, started(file, ROSA), ("rosa", "min_price", "20"), ("rosa", "sells", "false"))
    dearer = ROSA.model_copy(update={"min_price": Decimal("30")})
    found = started(file, dearer).member("rosa")
    assert (found.min_price, found.sells) == (Decimal("30"), False)
    assert list(started(file, MILL).members()) == [MILL], "who is gone has chosen nothing"


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (("rosa", "min_price", "cheap"), "rosa: min_price: 'cheap' is not a decimal number"),
        (("rosa", "min_price", "NaN"), "rosa: min_price: 'NaN' is not a decimal number"),
        (("rosa", "min_price", "4000.01"), "rosa: min_price: 4000.01 is not between -500 and 4000"),
        (("rosa", "sells", "maybe"), "rosa: sells: 'maybe' is neither true nor false"),
        (("ghost", "sells", "true"), "ghost: no such member"),
        (("mill", "sells", "true"), "mill: sells: selling power needs a meter"),
    ],
)
def test_what_a_configuration_would_not_take_is_refused(
    file: RoleFile, wish: tuple[str, str, str], words: str
) -> None:
    choices = started(file, ROSA, MILL)
    with pytest.raises(NotChosen) as refused:
        choosing(file, choices, wish)
    assert str(refused.value) == words
    assert list(choices.members()) == [ROSA, MILL] and kept(file) == []
