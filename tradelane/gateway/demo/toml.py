"""Plain data → TOML text, for the files the demo writes and people read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def dumps(data: Mapping[str, Any]) -> str:
    """Tables, lists of tables, and plain values; None is left out."""
    return "\n".join(_table(data, "")) + "\n"


def _table(table: Mapping[str, Any], name: str) -> Iterator[str]:
    plain = {k: v for k, v in table.items() if v is not None and not _is_table(v) and not _is_tables(v)}
    for key, value in plain.items():
        yield f"{key} = {_value(value)}"
    for key, value in table.items():
        full = f"{name}.{key}" if name else key
        if _is_table(value):
            yield f"\n[{full}]"
            yield from _table(value, full)
        elif _is_tables(value):
            for row in value:
                yield f"\n[[{full}]]"
                yield from _table(row, full)


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _value(value: object) -> str:
    """JSON's strings, numbers, booleans and lists are TOML's."""
    return json.dumps(value, ensure_ascii=False)
