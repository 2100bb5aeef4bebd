"""Rows by column, against the objects they were."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tradelane.market.case import canonical_json
from tradelane.market.rows import ListRows, Place, Table, TableRows, parts_of

NAMES = st.lists(st.sampled_from(["x", "y", "%s", 'q"', "é"]), unique=True, max_size=4)
CELL = st.one_of(
    st.text(max_size=3), st.none(), st.sampled_from(["", "a"]), st.lists(st.text(max_size=2), max_size=2),
    st.booleans(), st.integers(0, 2), st.lists(st.none(), max_size=1), st.just({"k": []}),
)  # fmt: skip


@st.composite
def alike(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows with the same fields; some columns of one kind, some of any."""
    kinds = {
        name: draw(st.sampled_from([CELL, st.text(max_size=2), st.just(["a"]), st.just("z")]))
        for name in draw(NAMES)
    }
    return draw(st.lists(st.fixed_dictionaries(kinds), min_size=1, max_size=6))


ROWS = alike() | st.lists(
    st.dictionaries(st.sampled_from("xy"), CELL, max_size=2) | CELL, min_size=1, max_size=4
)


@settings(max_examples=60)
@given(ROWS)
def test_rows_taken_apart_are_the_same_rows(objects: list[Any]) -> None:
    rows = TableRows.of(ListRows(Place("fills", 40), objects))
    assert len(rows) == len(objects)
    assert [rows.row(k) for k in range(len(rows))] == objects
    assert rows.json(spaced=False) == [canonical_json(o).decode() for o in objects]
    assert [json.loads(text) for text in rows.json(spaced=True)] == objects
    assert rows.place.of(2) == "fills[42]."


@given(alike())
def test_rows_for_people_have_their_fields_in_order(objects: list[dict[str, Any]]) -> None:
    rows = TableRows.of(ListRows(Place("fills", 0), objects))
    order = dict.fromkeys(objects[0])
    expected = [json.dumps({**order, **o}, ensure_ascii=False) for o in objects]
    assert rows.json(spaced=True) == expected


@given(st.lists(ROWS, max_size=3))
def test_a_table_is_the_list_of_its_rows(parts: list[list[Any]]) -> None:
    table = Table([TableRows.of(ListRows(Place("fills", 0), part)) for part in parts])
    objects = [row for part in parts for row in part]
    assert len(table) == len(objects) and table.objects() == objects
    assert f"[{','.join(table.json())}]" == canonical_json(objects).decode()


def test_lists_and_tables_have_parts_and_nothing_else_has() -> None:
    assert parts_of("fills", None) is None and parts_of("fills", {"a": 1}) is None
    parts = parts_of("fills", list(range(1001)))
    assert parts is not None and [len(part) for part in parts] == [500, 500, 1]
    assert parts[2].place.of(0) == "fills[1000]."
    lines = TableRows(Place("f.csv", 0, range(2, 4)), {"a": ["1", "2"]})
    assert lines.place.of(1) == "f.csv line 3: " and parts_of("x", Table([lines])) == [lines]
