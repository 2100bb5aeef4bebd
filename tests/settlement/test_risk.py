"""Who has to look at a consignment."""

from __future__ import annotations

from datetime import date

import pytest

from tradelane.settlement.customs import Channel
from tradelane.settlement.risk import NO_RULE, RiskRule, read, rule_for, rules

TODAY = date(2026, 6, 21)


@pytest.mark.parametrize(
    ("hs_code", "channel", "documents"),
    [
        ("0701.90", Channel.GREEN, ()),
        ("27160000", Channel.GREEN, ()),
        ("070110", Channel.YELLOW, ("phytosanitary certificate",)),
        ("0409.00", Channel.YELLOW, ("health certificate",)),
        ("9306.30", Channel.RED, ()),
    ],
)
def test_what_is_asked_of_a_good(hs_code: str, channel: Channel, documents: tuple[str, ...]) -> None:
    rule = rule_for(hs_code, "GB", "ES", TODAY)
    assert (rule.channel, rule.documents) == (channel, documents)


def test_the_first_fitting_rule_decides() -> None:
    days = {"source": "s", "valid_from": date(2026, 1, 1), "valid_to": date(2026, 12, 31)}
    known = tuple(
        read(
            [
                {"name": "a", "channel": "red", "prefixes": ["9306"], **days},
                {
                    "name": "b",
                    "channel": "yellow",
                    "origins": ["GB"],
                    "destinations": ["ES"],
                    "documents": ["paper"],
                    **days,
                },
                {"name": "c", "channel": "green", "origins": ["GB"], **days},
            ]
        )
    )

    def name(hs_code: str, origin: str, destination: str, on: date = TODAY) -> str:
        return rule_for(hs_code, origin, destination, on, known).name

    assert name("9306.30", "GB", "ES") == "a"
    assert name("0901.21", "GB", "ES") == "b"
    assert name("0901.21", "GB", "FR") == "c"
    assert rule_for("0901.21", "FR", "GB", TODAY, known) is NO_RULE, "what no rule knows is looked at"
    assert rule_for("0901.21", "GB", "FR", date(2027, 1, 1), known) is NO_RULE
    assert NO_RULE.channel is Channel.RED


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"channel": "blue"}, "blue"),
        ({"channel": "green", "documents": ["paper"]}, "by no other"),
        ({"channel": "yellow"}, "yellow rule"),
        ({"channel": "red", "source": ""}, "source"),
    ],
)
def test_rules_that_could_not_work_are_refused(row: dict[str, object], fault: str) -> None:
    whole = {"name": "a", "source": "s", "valid_from": TODAY, **row}
    with pytest.raises(ValueError, match=fault):
        tuple(read([whole]))


def test_every_rule_that_ships_can_be_read() -> None:
    assert all(isinstance(rule, RiskRule) and rule.source for rule in rules())
    assert rules()[-1].channel is Channel.GREEN
