"""JSON files: every layout, exact numbers, changing kinds, and refusals that say where."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import ConversionError, InvalidRequest, UnreadableFile
from connectors.files.json import cursor
from connectors.files.json.source import open as open_json
from connectors.files.options import FileOptions
from connectors.source import Context, SchemaChanged, schema_of

Read = Callable[..., pa.Table]


def read_file(path: Path, context: Context, **options: Any) -> pa.Table:
    with open_json(path, FileOptions(**options), context) as source:
        try:
            batches = list(source.batches())
        except SchemaChanged:
            context.warnings.forget()
            batches = list(source.batches())
        assert all(0 < batch.num_rows <= context.batch_rows for batch in batches)
        return pa.Table.from_batches(batches, schema_of(source.columns))


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(tmp_path)


@pytest.fixture
def read(tmp_path: Path, context: Context) -> Read:
    def read_text(text: str | bytes, **options: Any) -> pa.Table:
        path = tmp_path / "input.json"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_file(path, context, **options)

    return read_text


ROWS = 3_000
PAD = "x" * 4_000  # so that they are more than one block of every reader

LAYOUTS = {
    "array": ('[{"a":1},{"a":2}]', [{"a": 1}, {"a": 2}]),
    "array over lines": ('[\n  {"a":1},\n  {"a":2}\n]\n', [{"a": 1}, {"a": 2}]),
    "lines": ('{"a":1}\n{"a":2}\n', [{"a": 1}, {"a": 2}]),
    "lines without the last line end": ('{"a":1}\r\n{"a":2}', [{"a": 1}, {"a": 2}]),
    "values one after another": ('{"a":\n1} {"a":2}', [{"a": 1}, {"a": 2}]),
    "single object": ('{"a":1,"b":[1,2]}', [{"a": 1, "b": [1, 2]}]),
    "records inside": ('{"n":2,"data":[{"a":1},{"a":2}]}', [{"a": 1}, {"a": 2}]),
    "array of arrays": ("[[1,2],[3,4]]", [{"column_1": 1, "column_2": 2}, {"column_1": 3, "column_2": 4}]),
    "lines of arrays": ("[1,2]\n[3,4]", [{"column_1": 1, "column_2": 2}, {"column_1": 3, "column_2": 4}]),
    "arrays of objects": ('[{"a":1}][]\n[{"a":2}]', [{"a": 1}, {"a": 2}]),
    "arrays of objects and others": (
        '[{"a":1},2][{"a":3},4]',
        [{"column_1": {"a": 1}, "column_2": 2}, {"column_1": {"a": 3}, "column_2": 4}],
    ),
    "array of scalars": ("[1,2]", [{"value": 1}, {"value": 2}]),
    "null record": ('[{"a":1},null]', [{"a": 1}, {"a": None}]),
    "byte order mark": ('\ufeff[{"a":1}]', [{"a": 1}]),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_it_reads_the_layout(read: Read, name: str) -> None:
    text, rows = LAYOUTS[name]
    assert read(text).to_pylist() == rows


VALUES: dict[str, tuple[str, pa.DataType, list[Any]]] = {
    "integers": ("[1,-2]", pa.int64(), [1, -2]),
    "integer then fraction": ("[1,1.5]", pa.float64(), [1.0, 1.5]),
    "the largest integers": ("[18446744073709551615,0]", pa.uint64(), [2**64 - 1, 0]),
    "beyond 64 bits": ("[12345678901234567890123]", pa.decimal128(23, 0), [Decimal("12345678901234567890123")]),
    "negative and beyond": ("[-1,18446744073709551615]", pa.decimal128(20, 0), [Decimal(-1), Decimal(2**64 - 1)]),
    "more digits than a double": ("[0.1234567890123456789]", pa.decimal128(20, 19), [Decimal("0.1234567890123456789")]),
    "large integer and fraction": (
        "[9007199254740993,0.5]",
        pa.decimal128(17, 1),
        [Decimal(2**53 + 1), Decimal("0.5")],
    ),
    "beyond doubles": ("[1e400,1.50]", pa.string(), ["1e400", "1.50"]),
    "below doubles": ("[1e-400]", pa.string(), ["1e-400"]),
    "a long integer": (f"[{'9' * 50}]", pa.string(), ["9" * 50]),
    "exponent": ("[1E5]", pa.float64(), [100000.0]),
    "number then string": ('[1,1.50,"x"]', pa.string(), ["1", "1.50", "x"]),
    "boolean and string": ('[true,"x"]', pa.string(), ["true", "x"]),
    "object and scalar": ('[{"a":{"b":1.50}},{"a":"x"}]', pa.string(), ['{"b":1.50}', '"x"']),
    "date": ('["2024-01-01"]', pa.string(), ["2024-01-01"]),
    "nested": ('[{"a":{"b":[1,null]}},{"a":null}]', pa.struct([("b", pa.list_(pa.int64()))]), [{"b": [1, None]}, None]),
    "empty object": ('[{"a":{}}]', pa.string(), ["{}"]),
    "empty list": ('[{"a":[]}]', pa.list_(pa.string()), [[]]),
    "only null": ('[{"a":null}]', pa.string(), [None]),
    "escapes": ('["\\ud83d\\ude00\\n\\u0000"]', pa.string(), ["😀\n\0"]),
}


@pytest.mark.parametrize("name", VALUES)
def test_it_keeps_the_value(read: Read, name: str) -> None:
    text, kind, values = VALUES[name]
    column = read(text).column(0)
    assert (column.type, column.to_pylist()) == (kind, values)


def test_it_keeps_the_sign_of_zero(read: Read) -> None:
    values = read('{"a":-0}\n{"a":-0.0}\n{"a":1}').column("a").to_pylist()
    assert [math.copysign(1, value) for value in values] == [-1, -1, 1]


def test_it_keeps_what_is_not_finite_and_says_so(read: Read, context: Context) -> None:
    values = read('{"a":NaN}\n{"a":-Infinity}\n{"a":1}').column("a").to_pylist()
    assert math.isnan(values[0])
    assert values[1:] == [-math.inf, 1.0]
    assert [warning.issue for warning in context.warnings.items] == ["not_finite"]


def test_it_keeps_both_values_of_a_repeated_key(read: Read, context: Context) -> None:
    assert read('{"a":1,"a":"x"}').to_pylist() == [{"a": 1, "a (2)": "x"}]
    assert [warning.issue for warning in context.warnings.items] == ["duplicate_keys"]


def test_it_names_columns_that_have_no_name_or_the_same(read: Read, context: Context) -> None:
    table = read('{"":1,"a":{"b":2},"a.b":3}', flatten=True)
    assert table.to_pylist() == [{"column_1": 1, "a.b": 2, "a.b_2": 3}]
    assert [warning.issue for warning in context.warnings.items] == ["empty_column_names", "duplicate_column_names"]


def test_it_says_where_kinds_change(read: Read, context: Context) -> None:
    read('{"a":1}\n{"a":2}\n{"a":"x"}')
    (warning,) = context.warnings.items
    assert (warning.issue, warning.column) == ("mixed_types", "a")
    assert "string first in record 3" in warning.message


def test_it_says_what_it_left_out_beside_the_records(read: Read, context: Context) -> None:
    read('{"next":"/2","data":[{"a":1}],"total":5}')
    assert "'next', 'total'" in context.warnings.items[0].message


def test_pages_of_records_are_read_on_natively_and_told(read: Read, context: Context) -> None:
    page = json.dumps([{"a": row, "pad": PAD} for row in range(ROWS)])
    table = read(f"{page}\n[]\n{page}")
    assert table.column("a").to_pylist() == [*range(ROWS)] * 2
    assert [warning.issue for warning in context.warnings.items] == ["several_arrays"]


@pytest.mark.parametrize("end", ["[", '[{"a":2}', '[{"a":2},]', ",[]", "]", "{}"])
def test_a_page_that_is_not_one_is_refused(read: Read, end: str) -> None:
    with pytest.raises(UnreadableFile, match=r"expected|the document ended"):
        read(f'[{{"a":1}}]{end}')


NAMED = '[["id","name"],[1,"a"],[2,null]]'
HEADERS: dict[str, tuple[str, bool | None, dict[str, list[Any]]]] = {
    "names that are told": ('[["a","b"],["x","y"]]', True, {"a": ["x"], "b": ["y"]}),
    "names that are found": (NAMED, None, {"id": [1, 2], "name": ["a", None]}),
    "names that are none": (NAMED, False, {"column_1": ["id", "1", "2"], "column_2": ["name", "a", None]}),
    "texts over texts": ('[["a","b"],["x","y"]]', None, {"column_1": ["a", "x"], "column_2": ["b", "y"]}),
    "numbers over numbers": ("[[1,2],[3,4]]", None, {"column_1": [1, 3], "column_2": [2, 4]}),
    "names on a line": ('["id","t"]\n[1,"a"]\n[2,"b"]\n', None, {"id": [1, 2], "t": ["a", "b"]}),
    "names and nothing else": ('[["a","b"]]', True, {"a": [], "b": []}),
    "names that are missing or twice": ('[["a","a",null],[1,2,3]]', True, {"a": [1], "a_2": [2], "column_3": [3]}),
    "more items than names": (
        '[["a","column_3"],[1,2,3]]', True, {"a": [1], "column_3": [2], "column_3 (beyond the header)": [3]}
    ),
    "objects": ('[{"a":1}]', True, {"a": [1]}),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
def test_the_first_array_may_name_the_columns(read: Read, name: str) -> None:
    text, has_header, wanted = HEADERS[name]
    assert read(text, has_header=has_header).to_pydict() == wanted


@pytest.mark.parametrize("text", ['[["a"],{"a":1}]', '[["a"],5]', "[1,2]", "[[[1]],[2]]", '[["a"],]'])
def test_it_refuses_names_that_cannot_be(read: Read, text: str) -> None:
    with pytest.raises(ConversionError, match=r"not an array|expected a value"):
        read(text, has_header=True)


def test_it_follows_the_records_path(read: Read) -> None:
    assert read('{"x":{"y":[{"a":1}]},"z":[{"b":1}]}', records_path="x.y").to_pylist() == [{"a": 1}]
    assert read('{"x":{"y":{"a":1}}}', records_path="x.y").to_pylist() == [{"a": 1}]


PATHS = {
    "keys with dots": ('{"a.b":{"c":[{"v":1}]}}', "a.b.c"),
    "a key with a dot beside the same way": ('{"a":{"x":0},"a.b":[{"v":1}]}', "a.b"),
    "a place in an array": ('[{"page":1},[{"v":1}]]', "1"),
    "a place in an array below a key": ('{"results":[{"rows":[{"v":1}]},{"rows":[]}]}', "results.0.rows"),
    "keys of any kind": ('{"$x / é":{"":[{"v":1}]}}', "$x / é."),
}


@pytest.mark.parametrize("name", PATHS)
def test_it_follows_a_path_through(read: Read, name: str) -> None:
    text, path = PATHS[name]
    assert read(text, records_path=path).to_pylist() == [{"v": 1}]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("x.q", "there is no 'q' among y, z"),
        ("x.z.q", "not an object, at 'q'"),
        ("x.z", "leads to a single value"),
        ("q", "there is no 'q' among x"),
        ("x.y.5", "there is no '5' among 0"),
    ],
)
def test_it_refuses_a_records_path_that_leads_nowhere(read: Read, path: str, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        read('{"x":{"y":[{"a":1}],"z":1}}', records_path=path)


def test_it_says_what_it_left_out_on_a_path(read: Read, context: Context) -> None:
    read('{"a":{"b":[{"v":1}],"n":1},"a":5,"c":[[0],[1],[2]]}', records_path="a.b")
    assert "'a.n', 'a', 'c'; left out" in context.warnings.items[0].message


def test_it_says_what_it_left_out_of_a_repeated_member(read: Read, context: Context) -> None:
    assert read('{"data":[{"a":1}],"data":5}').to_pylist() == [{"a": 1}]
    assert "left out beside it: 'data'" in context.warnings.items[0].message


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ('{"response":{"found":1,"docs":[{"a":1}]}}', "'response.docs'"),
        ('{"data":[{"a":1}],"included":[{"b":1}]}', "'data', 'included'"),
        ('{"meta":{"n":1},"data":[[1,"x"],[2,"y"]]}', "'data'"),
    ],
)
def test_it_says_where_records_may_be_in_a_document_that_is_one(
    read: Read, context: Context, text: str, paths: str
) -> None:
    assert read(text).num_rows == 1
    (message,) = [warning.message for warning in context.warnings.items if warning.issue == "records_inside"]
    assert message.endswith(f"name it in records_path: {paths}.")


def test_columns_oriented_documents_are_one_record_without_a_word(read: Read, context: Context) -> None:
    assert read('{"a":[1,2],"b":["x","y"]}').to_pylist() == [{"a": [1, 2], "b": ["x", "y"]}]
    assert context.warnings.items == []


MANY = {f"k{number}": {"a": number, "b": [number]} for number in range(201)}
FEW = {"x": {"a": 1, "b": "p"}, "y": None, "z": {"b": "q"}}


def test_the_members_of_an_object_of_many_objects_are_records(read: Read, context: Context) -> None:
    assert read(json.dumps(MANY)).to_pylist() == [{"key": key, **value} for key, value in MANY.items()]
    (warning,) = context.warnings.items
    assert (warning.issue, "set records_path to '$'" in warning.message) == ("records_are_members", True)


@pytest.mark.parametrize(
    "document",
    [
        MANY | {"k": 1},
        dict(list(MANY.items())[1:]),
        {f"k{number}": {f"a{number}": 1, "b": 2} for number in range(201)},
        {f"k{number}": number for number in range(300)},
    ],
)
def test_other_objects_are_one_record(read: Read, document: dict[str, Any]) -> None:
    assert read(json.dumps(document)).to_pylist() == [document]


@pytest.mark.parametrize("value", [1, "x", ["y", None], {"a": 1}])
def test_members_too_many_for_columns_are_records(read: Read, value: Any) -> None:
    rows = read(json.dumps({f"k{number}": value for number in range(50_001)})).to_pylist()
    assert len(rows) == 50_001
    assert rows[-1] == {"key": "k50000", **(value if isinstance(value, dict) else {"value": value})}


@pytest.mark.parametrize("text", [json.dumps(MANY), json.dumps(MANY, indent=1), '{"data":[{"a":1},{"a":2}],"n":3}'])
def test_a_document_can_be_asked_for_as_one_record(read: Read, text: str) -> None:
    assert read(text, records_path="$").to_pylist() == [json.loads(text)]


@pytest.mark.parametrize(("path", "outer"), [("*", None), ("data.*", "data"), ("data.in.*", "data.in")])
def test_the_members_of_an_object_can_be_asked_for(read: Read, path: str, outer: str | None) -> None:
    document: Any = FEW
    for name in reversed(outer.split(".") if outer else []):
        document = {name: document, "other": 1}
    rows = [{"key": "x", "a": 1, "b": "p"}, {"key": "y", "a": None, "b": None}, {"key": "z", "a": None, "b": "q"}]
    assert read(json.dumps(document), records_path=path).to_pylist() == rows


def test_members_of_other_kinds_have_a_column(read: Read) -> None:
    rows = read('{"x":1,"y":{"key":2,"value":3},"x":[4]}', records_path="*").to_pylist()
    assert [row["key_2"] for row in rows] == ["x", "y", "x"]
    assert [row["value"] for row in rows] == ["1", "3", "[4]"]


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"version": 1, "places": MANY}, "places.*"),
        ({"n": {"counts": dict.fromkeys(MANY, 1)}}, "n.counts.*"),
        (dict.fromkeys(MANY, "x") | {"k": None}, "*"),
        ({key: [{"a": 1}] for key in MANY}, "*"),
        (dict.fromkeys(MANY, -1) | {"k": 2}, "*"),
        (dict.fromkeys(MANY, True) | {"k": False}, "*"),
    ],
)
def test_it_says_that_members_may_be_records(read: Read, context: Context, document: dict[str, Any], path: str) -> None:
    assert read(json.dumps(document)).to_pylist() == [document]
    assert context.warnings.items[0].message.endswith(f"name it in records_path: '{path}'.")
    assert read(json.dumps(document), records_path=path).num_rows >= len(MANY)


@pytest.mark.parametrize("document", [dict.fromkeys(MANY, 1) | {"k": "x"}, dict(list(MANY.items())[:200])])
def test_it_says_nothing_of_members_that_are_few_or_unlike(
    read: Read, context: Context, document: dict[str, Any]
) -> None:
    read(json.dumps(document))
    assert not context.warnings.items


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        ("[1,2]", "*", "no object is there"),
        ('{"x":[{}]}', "x.*", "no object is there"),
        ('{"x":1}', "x.*", "leads to a single value"),
        ('{"x":{"a":1}} {', "*", "the document ended"),
        ('{"x":{"a":1},}', "*", "property name"),
        ('{"x":{"a":1}', "*", "it may be truncated"),
        (json.dumps(MANY)[:-1], None, "it may be truncated"),
    ],
)
def test_it_refuses_members_that_cannot_be_records(read: Read, text: str, path: str | None, reason: str) -> None:
    with pytest.raises((InvalidRequest, UnreadableFile), match=reason):
        read(text, records_path=path)


def test_it_flattens_objects_and_leaves_lists(read: Read) -> None:
    table = read('{"a":{"b":1,"c":{"d":"x"}},"l":[{"e":1}]}\n{"a":null,"l":null}', flatten=True)
    assert table.to_pylist() == [
        {"a.b": 1, "a.c.d": "x", "l": [{"e": 1}]},
        {"a.b": None, "a.c.d": None, "l": None},
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_it_detects_the_encoding(read: Read, encoding: str) -> None:
    assert read('[{"a":"é日"}]'.encode(encoding)).to_pylist() == [{"a": "é日"}]


def test_it_uses_the_encoding_it_is_told(read: Read) -> None:
    assert read('[{"a":"é"}]'.encode("cp1252"), encoding="cp1252").to_pylist() == [{"a": "é"}]


def test_an_encoding_asked_for_is_doubted_when_the_file_is_utf_8(read: Read, context: Context) -> None:
    assert read('[{"a":"é"}]', encoding="cp1252").to_pylist() == [{"a": "Ã©"}]
    assert "valid utf-8" in context.warnings.items[0].message


@pytest.mark.parametrize(("encoding", "reason"), [("base64", "Unknown encoding"), ("utf-16", "not written in it")])
def test_it_refuses_an_encoding_that_cannot_be(read: Read, encoding: str, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        read('[{"a":1}]', encoding=encoding)


REFUSED = {
    "empty": ("", "empty"),
    "blank": (" \n", "empty"),
    "no records": ("[]", "no records"),
    "millions of empty objects": ("{}\n" * 3_000_000, "no records with a value"),
    "too many keys": ("{}\n{" + ",".join(f'"k{n}":1' for n in range(50_001)) + "}", "more than 50000 different keys"),
    "a key repeated too often": ("{}\n{" + ",".join(['"k":1'] * 50_001) + "}", "a key that is repeated"),
    "truncated array": ('[{"a":1},\n{"a":', "line 2, column 6.*truncated"),
    "truncated string": ('[{"a":"x', "line 1, column 7"),
    "trailing garbage": ('[{"a":1}] x', "line 1, column 11.*'x' follows"),
    "trailing comma": ('[{"a":1},]', "column 10"),
    "garbage in lines": ('{"a":1}\n{"b":2}\nxx', "line 3, column 1"),
    "missing comma": ('[{"a":1}{"a":2}]', "column 9"),
    "comma between lines": ('{"a":1},\n{"a":2}', "column 8"),
    "leading zero": ('{"a":01}', "column 7"),
    "single quotes": ("{'a':1}", "column 2"),
    "line end in a string": ('["x\ny"]', "control character"),
    "zero byte": ('{"a":1}\n\0{"a":2}', "line 2, column 1"),
    "invalid bytes": (b'[1,\n"\xff"]', "0xff in line 2"),
    "half a surrogate pair": ('["\\ud800"]', "Record 1"),
    "half a surrogate pair in a key": ('{"\\ud800":1}', "Record"),
    "deep arrays": ("[" * 1_000_000, "nested too deeply"),
    "deep objects": ('{"a":' * 100_000, "nested too deeply"),
    "deeper than can be written": ('[{"a":' + "[" * 900 + "1" + "]" * 900 + "}]", "nested too deeply"),
    "deep behind a record": ('{"a":1}\n{"a":' + "[" * 100_000, "nested too deeply"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses(read: Read, name: str) -> None:
    text, reason = REFUSED[name]
    with pytest.raises(UnreadableFile, match=reason):
        read(text)


def test_it_keeps_what_is_nested_deeper_than_columns_go_as_text(read: Read, context: Context) -> None:
    deep = '{"a":' * 60 + "1.50" + "}" * 60
    value: Any = read(deep).to_pylist()[0]
    while isinstance(value, dict):
        value = value["a"]
    assert value.startswith('{"a":{')
    assert "1.50" in value
    assert [warning.issue for warning in context.warnings.items] == ["kept_as_text"]


@pytest.mark.parametrize(("start", "between", "end"), [("", "\n", "\n"), ("[", ",", "]"), ("[\n", ",\n  ", "\n]")])
@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ({"late": 1}, {"late": 1}),
        ({"i": 0.5}, {"i": 0.5}),
        ({"i": "x"}, {"i": "x"}),
        ({"f": 10**25}, {"f": str(10**25)}),
        ({"s": {"t": []}}, {"s": {"t": []}}),
        ({"n": 7}, {"n": 7}),
    ],
)
def test_what_the_last_record_brings_is_kept(
    read: Read, start: str, between: str, end: str, last: dict[str, Any], expected: dict[str, Any]
) -> None:
    records = [{"i": i, "f": i / 7, "t": "},{" + PAD, "s": {"t": [i]}, "n": None} for i in range(ROWS)]
    table = read(start + between.join(map(json.dumps, [*records, last])) + end)
    assert table.num_rows == ROWS + 1
    rows = table.to_pylist()
    found = {key: value for key, value in rows[-1].items() if value is not None}
    assert {key: str(value) if key == "f" else value for key, value in found.items()} == expected
    assert [int(row["i"]) for row in rows[:-1]] == list(range(ROWS))
    assert [float(row["f"]) for row in rows[:-1:97]] == [i / 7 for i in range(0, ROWS, 97)]


def test_a_number_that_no_double_holds_is_found_behind_many(read: Read) -> None:
    text = "\n".join([f'{{"a":1.5,"pad":"{PAD}"}}'] * ROWS + ['{"a":0.12345678901234567}'])
    column = read(text).column("a")
    assert column.type == pa.decimal128(32, 17)
    assert column[-1].as_py() == Decimal("0.12345678901234567")
    assert column[0].as_py() == Decimal("1.5")


DECIMALS = [{"a b": f"{row}.{row:019d}", "f": row / 7, "s": {"d": 2**64 + row}} for row in range(3000)]
AFTER_DECIMALS: dict[str, tuple[str, Any]] = {
    "another decimal": ('{"a b":-1.0000000000000000001}', Decimal("-1.0000000000000000001")),
    "a shorter one": ('{"a b":0.5}', Decimal("0.5")),
    "a text": ('{"a b":"007.0"}', "007.0"),
    "a text under an escaped key": ('{"a\\u0020b":"007.0"}', "007.0"),
    "one with a finer scale": ('{"a b":1e-20}', Decimal("1e-20")),
    "more digits": ('{"a b":123456789012345678}', Decimal(123456789012345678)),
    "too many digits": ('{"a b":%s}' % ("9" * 40), "9" * 40),
    "a product beyond 128 bits": ('{"a b":%s}' % ("9" * 37), "9" * 37),
    "a boolean": ('{"a b":true}', "true"),
}


@pytest.mark.parametrize("name", AFTER_DECIMALS)
def test_what_follows_many_decimals_is_kept(read: Read, name: str) -> None:
    line, wanted = AFTER_DECIMALS[name]
    pad = f'{{"a b":1.5,"pad":"{PAD}"}}'
    many = [json.dumps(record).replace(f'"{record["a b"]}"', str(record["a b"])) for record in DECIMALS]
    table = read("\n".join([*many, *[pad] * ROWS, line]))
    column = table.column("a b")
    assert column[-1].as_py() == wanted
    assert [Decimal(value.as_py()) for value in column[:3000]] == [Decimal(str(record["a b"])) for record in DECIMALS]
    assert table.column("f")[:3000].to_pylist() == [record["f"] for record in DECIMALS]
    assert table.column("s")[2999].as_py() == {"d": Decimal(2**64 + 2999)}


def test_a_number_that_no_double_holds_is_found_beside_decimals(read: Read) -> None:
    record = f'{{"d":0.1234567890123456789,"f":0.5,"pad":"{PAD}"}}'
    table = read("\n".join([record] * ROWS + ['{"d":0.5,"f":0.1234567890123456789}']))
    assert table.column("f")[-1].as_py() == Decimal("0.1234567890123456789")
    assert table.column("d")[0].as_py() == Decimal("0.1234567890123456789")


REGULAR = '{"i": 5, "f": 0.25, "b": true, "s": "\u00e9", "l": [1, null], "o": {"p": "q", "\u00fc": [{"x": -7}]}}'
ODD = {
    "an unknown key": '{"i": 5, "z": 1}',
    "an unknown key inside": '{"o": {"p": "q", "z": "x"}}',
    "an unknown key in a list": '{"o": {"\u00fc": [{"x": 1, "z": null}]}}',
    "another order": '{"s": "x", "i": 5}',
    "keys written with escapes": '{"\\u0069": 5, "o": {"\\u00fc": [{"x": 2}]}}',
    "a known key on another level": '{"o": {"p": "q", "i": 7}}',
    "text for an integer": '{"i": "5"}',
    "a fraction for an integer": '{"i": 5.5}',
    "an integer of 19 digits": '{"i": 9223372036854775807}',
    "one beyond 64 bits": '{"i": 18446744073709551616}',
    "minus zero": '{"i": -0}',
    "minus zero as a fraction": '{"f": -0.0}',
    "a number for text": '{"s": 1.50}',
    "an object for text": '{"s": {"a": 1}}',
    "a number for a boolean": '{"b": 1}',
    "a boolean for a number": '{"f": true}',
    "a list for a scalar": '{"i": [5]}',
    "a scalar for a list": '{"l": 5}',
    "a text in a list": '{"l": ["5"]}',
    "null for all": '{"i": null, "f": null, "b": null, "s": null, "l": null, "o": null}',
    "an empty object and an empty list": '{"l": [], "o": {}}',
    "a double of 17 digits": '{"f": 0.30000000000000004}',
    "a double with an exponent": '{"f": -1.5e-300}',
    "a number that no double holds": '{"f": 0.12345678901234567}',
    "a number beyond doubles": '{"f": 1e400}',
    "an integer beyond exact doubles": '{"f": 9007199254740993}',
    "escapes": r'{"s": "\" \\ \/ \b\f\n\r\t \u0000 \u00E9 \uD83D\uDE00 \udbff\udfff \uE000"}',
    "letters of every length": '{"s": "\u00e9\u20ac\U0001f600\u2028\u0085"}',
    "what looks like more": r'{"s": "}\n{\"i\": 6}"}',
    "no blanks": '{"i":-6,"f":7,"b":false,"s":"","l":[],"o":{"p":"","\u00fc":[]}}',
    "tabs and a line end of Windows": '\t{\t"i"\t:\t6\t,\t"f"\t:\t-0.5\t}\t\r',
}


@pytest.mark.parametrize("name", ODD)
def test_a_record_unlike_those_before_it_is_read_exactly(read: Read, name: str) -> None:
    lines = [REGULAR] * 5_000 + [ODD[name], REGULAR, "", "  ", REGULAR]
    rows = read("\n".join(lines)).to_pylist()
    expected = [json.loads(line, parse_float=Decimal) for line in lines if line.strip()]
    assert len(rows) == len(expected)
    assert all(_same_members(row, record) for row, record in zip(rows, expected, strict=True))


def _same_members(row: dict[str, Any], record: dict[str, Any]) -> bool:
    return all(_same(value, record.get(key)) for key, value in row.items()) and record.keys() <= row.keys()


@pytest.mark.parametrize(
    "key", ["", " ", "a.b", "a|b", "$^()[]{}?*+\\", '"', "\n", "\u00e9", "\U0001f600", "null", "A"]
)
@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_a_key_of_regular_records_may_be(read: Read, key: str, ensure_ascii: bool) -> None:
    records = [{"a": row, key: f"{row}", "o": {key: row}} for row in range(5_000)]
    table = read("\n".join(json.dumps(record, ensure_ascii=ensure_ascii) for record in records))
    assert table.column(1).to_pylist() == [record[key] for record in records]
    assert [value[key] for value in table.column(2).to_pylist()] == list(range(5_000))


@pytest.mark.parametrize("text", ["oid:1.3.6.1.4.1.311.21", "sha:5ecc", "n: 1e", "[12345678901234567.5]", ",1.5E"])
@pytest.mark.parametrize("between", ["\n", ","])
def test_texts_like_numbers_stand_beside_doubles(read: Read, text: str, between: str) -> None:
    lines = between.join([json.dumps({"t": text, "a": 0.1})] * 3)
    assert read(lines if between == "\n" else f"[{lines}]").to_pylist() == [{"t": text, "a": 0.1}] * 3


@pytest.mark.parametrize("start", ["{}", "null"])
def test_columns_are_found_behind_many_empty_records(read: Read, start: str) -> None:
    table = read("\n".join([start] * 200_000 + ['{"a":1}']))
    assert (table.num_rows, table.column("a")[-1].as_py()) == (200_001, 1)


@pytest.mark.parametrize("record", ["[1,2]", "7", '{"a":[{"b":1},{"b":2}]}', '{"a":1e-300}'])
def test_records_that_have_to_be_decoded_are_all_read(read: Read, record: str) -> None:
    assert read("[" + ",".join([record] * 60_000) + "]").num_rows == 60_000
    assert read("\n".join([record] * 60_000)).num_rows == 60_000


@pytest.mark.parametrize("between", ["\n", ""])
def test_a_comma_that_is_missing_behind_many_records_is_missed(read: Read, between: str) -> None:
    records = [json.dumps({"a": row, "pad": PAD}) for row in range(ROWS)]
    text = "[" + ",".join(records[:-9]) + between + ",".join(records[-9:] * 300) + "]"
    with pytest.raises(UnreadableFile, match=r"expected ',' or '\]', found '\{'"):
        read(text)


def test_records_of_many_different_keys_fit_in_memory(read: Read) -> None:
    table = read("\n".join(json.dumps({f"k{row}": row}) for row in range(3000)))
    assert (table.num_rows, table.num_columns) == (3000, 3000)
    assert [table.column(f"k{row}")[row].as_py() for row in range(0, 3000, 97)] == list(range(0, 3000, 97))


def test_a_record_longer_than_a_block_is_read(read: Read) -> None:
    long = "y" * 20_000_000
    assert read(f'{{"a":"x"}}\n{{"a":"{long}"}}\n{{"a":"z"}}').column("a").to_pylist() == ["x", long, "z"]


@pytest.mark.parametrize("record", [{"a": 1}, ["x"]])
def test_the_largest_value_is_no_larger_than_told(
    read: Read, monkeypatch: pytest.MonkeyPatch, record: dict[str, int] | list[str]
) -> None:
    monkeypatch.setattr(cursor, "LARGEST_VALUE", 3 << 20)
    long, short = json.dumps("y" * 2_900_000), json.dumps(record)
    assert read("\n".join([long, *[short] * 300_000, long])).num_rows == 300_002
    with pytest.raises(UnreadableFile, match="one value is larger than 3 MiB"):
        read(json.dumps(["y" * 3_200_000, "x" * 3_000_000]))


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
JSON_VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.lists(st.dictionaries(st.sampled_from("pqrs"), JSON_VALUES, min_size=1), min_size=1, max_size=8)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=RECORDS, as_lines=st.booleans())
def test_every_value_comes_back(tmp_path: Path, records: list[dict[str, Any]], as_lines: bool) -> None:
    path = tmp_path / "any.json"
    path.write_text("\n".join(map(json.dumps, records)) if as_lines else json.dumps(records, indent=1))
    context = Context(tmp_path, batch_rows=3)
    if "records_path" in _facts(path, context):
        return
    rows = read_file(path, context).to_pylist()
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        for key in row:
            assert _same(row[key], record.get(key)), (key, row[key], record.get(key))


def _facts(path: Path, context: Context) -> dict[str, Any]:
    with open_json(path, FileOptions(), context) as source:
        return dict(source.facts)


def _same(found: Any, wanted: Any) -> Any:
    """Equal, or text that says exactly the same."""
    if found is None or wanted is None:
        return found is None and wanted is None
    if isinstance(found, dict) and isinstance(wanted, dict):
        return all(_same(found[key], wanted.get(key)) for key in found) and wanted.keys() <= found.keys()
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_same, found, wanted))
    if isinstance(found, str) and isinstance(wanted, str):
        return found == wanted or json.loads(found) == wanted
    if isinstance(found, str):
        return bool(_exactly(found) == (wanted if isinstance(wanted, Decimal) else _exactly(json.dumps(wanted))))
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    return Decimal(str(found)) == Decimal(str(wanted))


def _exactly(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    whole = json.dumps([{"a": 1, "b": {"c": [1.5, "é😀", None]}}, {"a": 2}], ensure_ascii=False).encode()
    at = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(at, len(whole)))
    path = tmp_path / "damaged.json"
    path.write_bytes(whole[:at] + data.draw(st.binary(max_size=6)) + whole[cut:])
    assert status(path, tmp_path) in {200, 400}


def status(path: Path, tmp_path: Path) -> int:
    try:
        read_file(path, Context(tmp_path))
    except ConversionError as error:
        return error.http_status
    return 200
