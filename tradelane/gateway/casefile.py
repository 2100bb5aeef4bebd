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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, cast

from tradelane.gateway.progress import Told, silent
from tradelane.market.case import Attachment, Case, CaseError, read_case
from tradelane.market.document import read_document
from tradelane.market.rows import PART, ListRows, Place, Rows, Table, TableRows

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

LONG = ("fills", "trades")
"""Parts of a result that may be too long to hold as objects."""
BLOCK = 1 << 16
"""Characters of a table that are taken apart together: about as many rows as in a part."""
BROKEN_FILE = (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error)


def load_case(path: Path, told: Told = silent) -> Case:
    """The case in a file. CaseError, with the file's name, for whatever is wrong with it."""
    told(f"reading {path.name}", None)
    return read_case(_text(path), beside(path, told))


def load_result(path: Path, told: Told = silent) -> dict[str, Any]:
    """The result object in a file; its fills and trades are Tables. CaseError."""
    told(f"reading {path.name}", None)
    result = read_document(_text(path), LONG)
    if not isinstance(result, dict):
        raise CaseError("result", "expected an object")
    for name in LONG:
        if isinstance(result.get(name), str):
            result[name] = Table(list(beside(path, told)(result[name])))
    return result


def beside(path: Path, told: Told = silent) -> Attachment:
    """Opens the tables in the folder of ``path`` by name."""

    def rows(name: str) -> Iterator[Rows]:
        if Path(name).name != name or name in ("", ".", ".."):
            raise CaseError(repr(name), "a table stands in the same folder, under a plain name")
        return _rows(path.parent / name, name, told)

    return rows


def result_text(result: Mapping[str, Any]) -> str:
    """A result as JSON text for people and programs: one line for each price, flow, fill and trade."""
    return "".join(result_parts(result))


def result_parts(result: Mapping[str, Any]) -> Iterator[str]:
    """``result_text``, some hundreds of lines at a time."""
    yield "{\n"
    for k, (key, value) in enumerate(result.items()):
        yield (",\n" if k else "") + f"  {_json(key)}: "
        if not isinstance(value, (list, Table)) or not len(value):
            yield "[]" if isinstance(value, Table) else _json(value)
            continue
        lines = value.json(spaced=True) if isinstance(value, Table) else map(_json, value)
        for j, text in enumerate(lines):
            yield f"{',' if j else '['}\n    {text}"
        yield "\n  ]"
    yield "\n}\n"


def fills_text(fills: Iterable[Mapping[str, str]]) -> str:
    """The fills as the CSV table that a result may name instead of holding them."""
    return "".join(fills_parts(Table([ListRows(Place("fills", 0), list(fills))])))


def fills_parts(fills: Table) -> Iterator[str]:
    """``fills_text``, some hundreds of lines at a time."""
    yield "order,quantity\n"
    for part in fills.parts:
        out = io.StringIO()
        rows = zip(part.column("order"), part.column("quantity"), strict=True)
        csv.writer(out, lineterminator="\n").writerows(rows)
        yield out.getvalue()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except BROKEN_FILE as error:
        raise CaseError(str(path), _words(error)) from None


def _rows(path: Path, name: str, told: Told) -> Iterator[Rows]:
    if name.endswith(".parquet"):
        yield from _parquet(path, name)
        return
    if not name.endswith((".csv", ".csv.gz")):
        raise CaseError(name, "a table is .csv, .csv.gz or .parquet")
    try:
        with path.open("rb") as file, _text_of(file, name) as text:
            size = max(1, path.stat().st_size)
            for rows in _csv(text, name):
                told(f"reading {name}", file.tell() / size)
                yield rows
    except BROKEN_FILE as error:
        raise CaseError(name, _words(error)) from None


def _text_of(file: BinaryIO, name: str) -> TextIO:
    raw = gzip.GzipFile(fileobj=file) if name.endswith(".gz") else file
    return io.TextIOWrapper(cast(BinaryIO, raw), encoding="utf-8-sig", newline="")


def _csv(text: TextIO, name: str) -> Iterator[Rows]:
    """Blocks of lines without quotes are simply split; from the first other one on, csv reads."""
    head = text.readline()
    names = next(csv.reader([head], strict=True), [])
    if len(set(names)) != len(names):
        raise CaseError(f"{name} line 1", "a column stands twice")
    line = 2
    while block := text.read(BLOCK):
        block += text.readline()
        columns = _split(block, len(names))
        if columns is None:
            reader = csv.reader(chain(io.StringIO(block, newline=""), text), strict=True)
            yield from _parsed(reader, names, name, line - 1)
            return
        count = len(columns[0])
        yield TableRows(Place(name, 0, range(line, line + count)), dict(zip(names, columns, strict=True)))
        line += count


def _split(block: str, count: int) -> list[list[str]] | None:
    """The columns of whole lines; None where it takes more than splitting to find them."""
    lines = block.replace("\r\n", "\n").removesuffix("\n")
    if '"' in lines or "\r" in lines or count < 2:
        return None
    cells = lines.replace("\n", ",\n,").split(",")
    columns = [cells[k :: count + 1] for k in range(count + 1)]
    ends = columns.pop()
    return columns if len(columns[-1]) == len(ends) + 1 and set(ends) <= {"\n"} else None


def _parsed(reader: CsvReader, names: Sequence[str], name: str, before: int) -> Iterator[Rows]:
    """The rows of ``reader``, which begins ``before`` lines after the table."""
    numbered = ((before + reader.line_num, row) for row in reader if row)
    while part := list(islice(numbered, PART)):
        lines, rows = zip(*part, strict=True)
        for line, row in part:
            if len(row) != len(names):
                raise CaseError(f"{name} line {line}", f"expected {len(names)} values")
        yield TableRows(Place(name, 0, lines), dict(zip(names, zip(*rows, strict=True), strict=True)))


def _parquet(path: Path, name: str) -> Iterator[Rows]:
    try:
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError:
        raise CaseError(name, "reading Parquet needs pyarrow, which is not installed; use .csv.gz") from None
    try:
        table, first = parquet.ParquetFile(path), 0
        for batch in table.iter_batches(batch_size=PART):
            columns = {
                field: _texts(column, f"{name}: {field}")
                for field, column in zip(batch.schema.names, batch.columns, strict=True)
            }
            yield TableRows(Place(name, first), columns)
            first += len(batch)
    except (OSError, ValueError) as error:
        raise CaseError(name, _words(error)) from None


def _texts(column: Any, where: str) -> list[str]:
    if "float" in str(column.type) or "double" in str(column.type):
        raise CaseError(where, "holds floats, which carry no exact amount; write decimals or texts")
    if column.null_count:
        raise CaseError(where, "a value is missing")
    return list(map(str, column.to_pylist()))


def _words(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8 text"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0] or type(error).__name__
