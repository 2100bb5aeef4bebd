"""Lines of TOML keys, on texts made from known tables and on awkward ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradelane.gateway.toml_lines import Loc, line_of, lines

NAMES = st.text("abcxyz_-1", min_size=1, max_size=4)


@given(
    st.dictionaries(
        NAMES, st.lists(st.dictionaries(NAMES, st.integers(), max_size=3), max_size=3), max_size=3
    )
)
def test_every_key_of_written_tables_is_found_where_it_was_written(
    arrays: dict[str, list[dict[str, int]]],
) -> None:
    text: list[str] = []
    written: dict[Loc, int] = {}
    for name, tables in arrays.items():
        for index, table in enumerate(tables):
            text.append(f"[[{name}]]")
            written[(name, index)] = len(text)
            for key, value in table.items():
                text.append(f"{key} = {value}")
                written[(name, index, key)] = len(text)
    found = lines("\n".join(text))
    assert {loc: line for loc, line in found.items() if len(loc) > 1} == written


AWKWARD = '''# [not.a.table]
top = """
[no]
no = 1
"""
list = [
  { a = 1 },
  [2],
]
"quoted key" = 1
dotted . "x.y".z = 2

[ a . "b c" ]   # a comment
d = 'x = y'

[[a.list]]
x = 1
[a.list.inner]
y = 2
[[a.list]]
[[a.list.deep]]
z = 3
'''


@pytest.mark.parametrize(
    ("loc", "line"),
    [
        (("top",), 2),
        (("list",), 6),
        (("list", 0, "a"), 6),
        (("quoted key",), 10),
        (("dotted", "x.y", "z"), 11),
        (("a", "b c"), 13),
        (("a", "b c", "d"), 14),
        (("a", "list", 0, "x"), 17),
        (("a", "list", 0, "inner", "y"), 19),
        (("a", "list", 1), 20),
        (("a", "list", 1, "deep", 0, "z"), 22),
        (("a", "list", 1, "missing"), 20),
        (("no",), None),
        (("not", "a"), None),
    ],
)
def test_awkward_places(loc: Loc, line: int | None) -> None:
    assert line_of(AWKWARD, loc) == line
