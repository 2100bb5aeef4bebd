"""Documents with long lists, against reading them as one JSON value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradelane.market import document
from tradelane.market.document import read_document
from tradelane.market.fields import CaseError, read_json
from tradelane.market.rows import Table

VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4) | st.just('"},\n'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=5,
)
ROW = st.fixed_dictionaries({"order": st.text(max_size=3), "quantity": st.sampled_from(["1", "2"])})
LONG = st.lists(ROW, max_size=7) | st.lists(VALUE, max_size=7) | VALUE
DOCUMENT = st.fixed_dictionaries({}, optional={"head": VALUE, "fills": LONG, "trades": LONG, "end": VALUE})
INDENT = st.sampled_from([None, 0, 1, 2])


def objects(value: Any) -> Any:
    """The document with its tables as lists."""
    return {k: v.objects() if isinstance(v, Table) else v for k, v in value.items()}


@given(DOCUMENT, INDENT, st.integers(0, 60))
def test_a_document_is_what_json_says_it_is(value: dict[str, Any], indent: int | None, block: int) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document, "BLOCK", block)
        patch.setattr(document, "PART", 3)
        found = read_document(text, {"fills", "trades"})
    assert objects(found) == value
    assert isinstance(found, dict)
    for name in ("fills", "trades"):
        assert isinstance(found.get(name), Table) == isinstance(value.get(name), list)


@given(DOCUMENT, INDENT, st.data())
def test_what_json_refuses_is_refused_alike(
    value: dict[str, Any], indent: int | None, data: st.DataObject
) -> None:
    """One character more, less or other; what is valid all the same reads the same."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + data.draw(st.sampled_from(["", ",", "]", "}", "1.5", '"', "\n"])) + text[at + 1 :]
    try:
        expected = read_json(changed)
    except CaseError as fault:
        with pytest.raises(CaseError) as found:
            read_document(changed, {"fills", "trades"})
        assert str(found.value) == str(fault)
    else:
        read = read_document(changed, {"fills", "trades"})
        assert (objects(read) if isinstance(read, dict) else read) == expected


@pytest.mark.parametrize("text", ['{"fills": [\n,\n{}]}', '{"fills": [{},\n,\n{}]}', '{"fills": [{},\n]}'])
def test_commas_without_values_are_no_json(text: str) -> None:
    with pytest.raises(CaseError):
        read_document(text, {"fills"})
