"""Case and result files on disk, and the tables that stand beside them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.market.test_case import CASE
from tradelane.gateway import casefile
from tradelane.gateway.casefile import beside, fills_text, load_case, load_result, result_text
from tradelane.market.case import CaseError, case_digest, read_json
from tradelane.market.result import clear_case
from tradelane.market.rows import Table

COLUMNS = ("id", "seq", "product", "zone", "side", "price", "quantity")
HEADER = ",".join(COLUMNS)


def csv_of(orders: list[dict[str, Any]]) -> str:
    lines = [",".join(str(order[column]) for column in COLUMNS) for order in orders]
    return "\n".join([HEADER, *lines]) + "\n"


def write_case(folder: Path, orders: object) -> Path:
    path = folder / "case.json"
    path.write_text(json.dumps({**CASE, "orders": orders}))
    return path


def objects(result: dict[str, Any]) -> dict[str, Any]:
    return {name: v.objects() if isinstance(v, Table) else v for name, v in result.items()}


def inline(folder: Path) -> Path:
    return write_case(folder, CASE["orders"])


@pytest.mark.parametrize("name", ["orders.csv", "orders.csv.gz"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
def test_orders_may_stand_in_a_table(tmp_path: Path, name: str, start: bytes) -> None:
    data = start + csv_of(CASE["orders"]).encode()
    (tmp_path / name).write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    digest = case_digest(load_case(write_case(tmp_path, name)))
    assert digest == case_digest(load_case(inline(tmp_path)))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("orders.csv", None, "orders.csv: No such file"),
        ("../orders.csv", None, "the same folder"),
        ("/etc/passwd", None, "the same folder"),
        ("orders.txt", b"", "a table is .csv, .csv.gz or .parquet"),
        ("orders.csv", b"\xff\xfe", "orders.csv: not UTF-8 text"),
        ("orders.csv.gz", b"not gzip", "orders.csv.gz: Not a gzipped file"),
        (
            "orders.csv.gz",
            gzip.compress(HEADER.encode() * 99, mtime=0)[:-9],
            "orders.csv.gz: Compressed file ended",
        ),
        ("orders.csv.gz", gzip.compress(b"x" * 99, mtime=0)[:12] + b"\xff" * 40, "orders.csv.gz: "),
        ("orders.csv", f"{HEADER},id\n".encode(), "orders.csv line 1: a column stands twice"),
        ("orders.csv", f"{HEADER}\na,b\n".encode(), "orders.csv line 2: expected 7 values"),
        ("orders.csv", f"{HEADER}\na,b,c,d,e,f,g,h\n".encode(), "orders.csv line 2: expected 7 values"),
        ("orders.csv", f'{HEADER}\n"a'.encode(), "orders.csv: unexpected end of data"),
        ("orders.csv", b"id,seq\no1,1\n", "orders.csv line 2: product: missing"),
    ],
)
def test_a_bad_table_is_named(tmp_path: Path, name: str, data: bytes | None, words: str) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(CaseError) as raised:
        load_case(write_case(tmp_path, name))
    assert words in str(raised.value)


LINE = st.lists(
    st.sampled_from(["a", "", "b b", '"c,\n""d"', "é\u2028", "\x0b", "7"]), min_size=2, max_size=2
)
LINES = st.lists(LINE.map(",".join) | st.sampled_from(["", '"', "x", "a,b,c", 'a"b,c']), max_size=9)


def naive(text: str) -> list[tuple[int, list[str]]] | None:
    """Line number and cells of each row; None where csv, or the number of cells, refuses."""
    reader, found = csv.reader(io.StringIO(text, newline=""), strict=True), []
    try:
        for row in reader:
            if row and reader.line_num > 1:
                found.append((reader.line_num, row))
    except csv.Error:
        return None
    return found if all(len(row) == 2 for _, row in found) else None


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.integers(1, 40))
def test_a_table_reads_as_csv_reads_it(
    tmp_path: Path, lines: list[str], ending: str, ended: bool, block: int
) -> None:
    text = ending.join(["x,y", *lines]) + (ending if ended else "")
    (tmp_path / "t.csv").write_text(text, encoding="utf-8", newline="")
    expected = naive(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(casefile, "BLOCK", block)
        patch.setattr(casefile, "PART", 2)
        tables = beside(tmp_path / "case.json")("t.csv")
        if expected is None:
            with pytest.raises(CaseError, match=r"t\.csv"):
                list(tables)
            return
        found = [
            (rows.place.of(k), [rows.column("x")[k], rows.column("y")[k]])
            for rows in tables
            for k in range(len(rows))
        ]
    assert found == [(f"t.csv line {line}: ", row) for line, row in expected]


@pytest.mark.parametrize(
    "quoted", [False, True], ids=["plain", "after a quote over two lines and a blank one"]
)
@pytest.mark.parametrize("name", ["orders.csv", "orders.csv.gz"])
def test_a_fault_in_a_table_names_its_line_and_field(tmp_path: Path, name: str, quoted: bool) -> None:
    """Some blocks into the table, far from the first line of its own."""
    rows = [{**CASE["orders"][0], "id": f"o{k}", "seq": k} for k in range(5000)]
    rows[4321]["price"] = "41.205"
    text = csv_of(rows)
    if quoted:
        text = text.replace("o0,0,", '"o\n0",0,').replace("o2,2,", "\no2,2,")
    line = text[: text.index("o4321,")].count("\n") + 1
    data = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    with pytest.raises(CaseError) as raised:
        load_case(write_case(tmp_path, name))
    assert str(raised.value).startswith(f"{name} line {line}: price: 41.205 is not a multiple")


def test_reading_tells_how_far_it_is(tmp_path: Path) -> None:
    rows = [{**CASE["orders"][0], "id": f"o{k}", "seq": k} for k in range(5000)]
    (tmp_path / "orders.csv").write_text(csv_of(rows))
    told: list[tuple[str, float | None]] = []
    load_case(write_case(tmp_path, "orders.csv"), lambda step, done: told.append((step, done)))
    assert told[0] == ("reading case.json", None)
    shares = [done for step, done in told if step == "reading orders.csv" and done is not None]
    assert len(shares) == len(told) - 1 > 2 and shares == sorted(shares) and shares[-1] == 1.0


def test_parquet_is_read_or_named_as_missing(tmp_path: Path) -> None:
    (tmp_path / "orders.parquet").write_bytes(b"PAR1")
    with pytest.raises(CaseError, match=r"orders\.parquet: "):
        load_case(write_case(tmp_path, "orders.parquet"))


def test_a_case_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    path.write_bytes(b"\xff")
    with pytest.raises(CaseError, match=r"case\.json: not UTF-8 text"):
        load_case(path)


def test_a_result_is_written_and_read_back_also_with_its_fills_apart(tmp_path: Path) -> None:
    result = clear_case(load_case(inline(tmp_path)))
    assert len(result["fills"]) > 1
    path = tmp_path / "result.json"
    path.write_text(result_text(result))
    assert objects(load_result(path)) == result == read_json(result_text(result))
    (tmp_path / "fills.csv").write_text(fills_text(result["fills"]))
    path.write_text(result_text({**result, "fills": "fills.csv"}))
    assert objects(load_result(path)) == result


def test_a_result_is_an_object(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text("[]")
    with pytest.raises(CaseError, match="expected an object"):
        load_result(path)
