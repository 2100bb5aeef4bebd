"""Case and result files on disk: JSON, and the tables of orders and fills that may stand beside them.

A table is CSV with a header line, plain or gzipped (or Parquet where pyarrow is installed), in the folder
of the file that names it. Everything malformed is a CaseError that names the file and the line.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast

from tradelane.market.case import Attachment, Case, CaseError, read_case, read_json

Rows = Iterator[Mapping[str, str]]
BROKEN_FILE = (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error)


def load_case(path: Path) -> Case:
    """The case in a file. CaseError, with the file's name, for whatever is wrong with it."""
    return read_case(_text(path), beside(path))


def load_result(path: Path) -> dict[str, Any]:
    """The result object in a file, its fills read in when they stand in a table. CaseError."""
    result = read_json(_text(path))
    if not isinstance(result, dict):
        raise CaseError("result", "expected an object")
    if isinstance(result.get("fills"), str):
        result["fills"] = [dict(row) for row in beside(path)(result["fills"])]
    return result


def beside(path: Path) -> Attachment:
    """Opens the tables in the folder of ``path`` by name."""

    def rows(name: str) -> Rows:
        if Path(name).name != name or name in ("", ".", ".."):
            raise CaseError(repr(name), "a table stands in the same folder, under a plain name")
        return _rows(path.parent / name, name)

    return rows


def result_text(result: Mapping[str, Any]) -> str:
    """A result as JSON text for people and programs: one line for each price, flow, fill and trade."""
    parts = []
    for key, value in result.items():
        if isinstance(value, list) and value:
            lines = ",\n    ".join(_json(item) for item in value)
            parts.append(f"  {_json(key)}: [\n    {lines}\n  ]")
        else:
            parts.append(f"  {_json(key)}: {_json(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def fills_text(fills: Iterable[Mapping[str, str]]) -> str:
    """The fills as the CSV table that a result may name instead of holding them."""
    out = io.StringIO()
    table = csv.DictWriter(out, ["order", "quantity"], lineterminator="\n")
    table.writeheader()
    table.writerows(fills)
    return out.getvalue()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except BROKEN_FILE as error:
        raise CaseError(str(path), _words(error)) from None


def _rows(path: Path, name: str) -> Rows:
    if name.endswith(".parquet"):
        yield from _parquet(path, name)
        return
    if not name.endswith((".csv", ".csv.gz")):
        raise CaseError(name, "a table is .csv, .csv.gz or .parquet")
    try:
        with _open(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
            yield from _checked(csv.DictReader(text, strict=True), name)
    except BROKEN_FILE as error:
        raise CaseError(name, _words(error)) from None


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _checked(table: csv.DictReader[str], name: str) -> Rows:
    columns = table.fieldnames or []
    if len(set(columns)) != len(columns):
        raise CaseError(f"{name} line 1", "a column stands twice")
    for row in table:
        if None in row or None in row.values():
            raise CaseError(f"{name} line {table.line_num}", f"expected {len(columns)} values")
        yield row


def _parquet(path: Path, name: str) -> Rows:
    try:
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError:
        raise CaseError(name, "reading Parquet needs pyarrow, which is not installed; use .csv.gz") from None
    try:
        table = parquet.ParquetFile(path)
        for batch in table.iter_batches():
            yield from ({key: str(value) for key, value in row.items()} for row in batch.to_pylist())
    except (OSError, ValueError) as error:
        raise CaseError(name, _words(error)) from None


def _words(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8 text"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0] or type(error).__name__
