"""Every option of ``scan`` goes with some place, and is refused where it would not be heeded."""

from __future__ import annotations

import pytest

from tests import docs
from tradelane.gateway.commands.places import ANYWHERE, TAKES, Place, place_of


def test_every_option_of_the_command_has_its_places() -> None:
    known = set().union(ANYWHERE, *TAKES.values())
    assert docs.commands()["scan"] == known


@pytest.mark.parametrize("place", Place)
def test_a_place_takes_its_options_together_and_no_other(place: Place) -> None:
    own = sorted(TAKES[place])
    assert place_of(own) is place
    for option in set().union(*TAKES.values()) - TAKES[place]:
        if place is not Place.MDNS or option not in TAKES[Place.PROBE]:
            with pytest.raises(ValueError, match=option):
                place_of([*own, option])
