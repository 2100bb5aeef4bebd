"""Ways with room, groups that meet, lists of labels: the parts of pairing by preference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market.markets import POWER
from tradelane.market.meeting import gather, up_to
from tradelane.market.network import Network
from tradelane.market.parcels import Parcels
from tradelane.market.product import Lane, Zone
from tradelane.market.ways import Ways
from tradelane.market.wishes import Keyed, Lists, Stage


def ways(sent: Sequence[int], loss_ppm: int, names: str = "AB BC") -> Ways:
    lanes = [Lane(f"{x}>{y}", x, y, max(sent), loss_ppm) for x, y in map(tuple, names.split())]
    zones = [Zone(z, "EUR") for z in sorted({z for name in names.split() for z in name})]
    return Ways(Network.of(POWER, zones, lanes), sent)


def test_the_nearest_way_with_room_is_taken() -> None:
    found = ways([5, 5, 0, 5], 0, "AB AC BC CD")
    assert found.from_zone(0) == {1: (0,), 2: (1,), 3: (1, 3)}
    found.send((1,), Parcels.local(np.array([0]), np.array([5])))
    assert found.from_zone(0) == {1: (0,)} and found.left(1) == 0
    assert found.paths == [(), ("A>C",)]


@given(st.lists(st.integers(1, 40), min_size=2, max_size=2), st.sampled_from([0, 20_000, 333_333]))
def test_a_way_takes_what_its_lanes_have_room_for(sent: list[int], loss: int) -> None:
    found = ways(sent, loss)
    room = found.room((0, 1))
    assert room >= 1
    found.send((0, 1), Parcels.local(np.array([0]), np.array([room])))
    assert min(found.left(0), found.left(1)) == 0, "nothing more goes this way"
    assert found.left(0) >= 0 and found.left(1) >= 0


@pytest.mark.parametrize("wanted", [0, 1, 98, 2**52])
def test_never_more_arrives_than_is_wanted(wanted: int) -> None:
    found = ways([10, 10], 20_000)
    lots = int(found.enough((0,), np.array([wanted]))[0])
    arrives = [-(-sent * 980_000 // 1_000_000) for sent in (lots, lots + 1)]
    assert arrives[0] <= wanted < arrives[1]


def test_groups_are_who_stand_on_both_sides_with_lots_left() -> None:
    stage = Stage(
        Keyed(np.array([0, 1, 3, 4]), np.array([7, 5, 7, 9])), Keyed(np.array([0, 2]), np.array([7, 9]))
    )
    met = gather(stage, np.array([3, 1, 1, 2, 0]), np.array([4, 1, 1]))
    assert met.sells.row.tolist() == [0, 3] and met.buys.row.tolist() == [0]
    assert met.given.tolist() == [5] and met.wanted.tolist() == [4]
    assert up_to(np.array([4]), met.sells, np.array([3, 2])).tolist() == [3, 1]


def test_ranks_of_lists() -> None:
    lists = Lists.of([[4, 2], [], [7]])
    assert [(k.row.tolist(), k.key.tolist()) for k in lists.ranks()] == [([0, 2], [4, 7]), ([0], [2])]
