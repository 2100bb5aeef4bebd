"""Named operators of an e-hub in a configuration: none, or two and more, each one person."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradelane.gateway.config import ConfigError, load
from tradelane.gateway.keys import public_bytes
from tradelane.gateway.operators_section import TOKEN_HOLDER, Operators
from tradelane.settlement.ehub.server.supervision.asking import OPERATOR

HUB = 'data_dir = "d"\n[hub]\ncurrencies = ["EUR"]\n'
ADA, BO = "A" * 43, "B" * 42 + "A"


def config(tmp_path: Path, *operators: tuple[str, str]) -> Operators:
    path = tmp_path / "hub.toml"
    named = [f'[[hub.operators]]\nname = "{name}"\npublic_key = "{key}"\n' for name, key in operators]
    path.write_text(HUB + "".join(named))
    loaded = load(path)
    assert loaded.hub is not None
    return loaded.hub.operators


def test_operators_have_a_name_and_a_key(tmp_path: Path) -> None:
    assert config(tmp_path) == ()
    ada, bo = config(tmp_path, ("ada", ADA), ("bo", BO))
    assert (ada.name, bo.public_key) == ("ada", BO)
    assert len(public_bytes(ada.public_key)) == len(public_bytes(bo.public_key)) == 32


@pytest.mark.parametrize(
    ("operators", "reason"),
    [
        ([("ada", ADA)], "hub.operators: one alone cannot be two"),
        ([("ada", ADA), ("ada", BO)], "hub.operators: a name or a key twice"),
        ([("ada", ADA), ("bo", ADA)], "hub.operators: a name or a key twice"),
        ([("operator", ADA), ("bo", BO)], "hub.operators: 'operator' is who has the hub's token"),
        ([("ada", "A" * 42), ("bo", BO)], "hub.operators[0].public_key: "),
        ([("ada", "B" * 43), ("bo", BO)], "hub.operators[0].public_key: "),
    ],
)
def test_mistakes_name_their_place(tmp_path: Path, operators: list[tuple[str, str]], reason: str) -> None:
    with pytest.raises(ConfigError) as error:
        config(tmp_path, *operators)
    assert reason in str(error.value)


def test_the_audit_trail_s_name_for_the_token_is_taken() -> None:
    assert TOKEN_HOLDER == OPERATOR
