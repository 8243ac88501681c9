"""Parquet files in: every type kept, every row counted, damage refused."""

from __future__ import annotations

import datetime as dt
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import ConversionError, InvalidRequest, UnreadableFile
from connectors.files.options import FileOptions
from connectors.files.parquet.source import open as open_parquet
from connectors.source import Context, schema_of
from tests.files.raw_parquet import raw_parquet, without_fields


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "input.parquet"


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(tmp_path, batch_rows=1000)


def read(path: Path, context: Context, **options: Any) -> pa.Table:
    with open_parquet(path, FileOptions(**options), context) as source:
        batches = list(source.batches())
        assert all(0 < batch.num_rows <= context.batch_rows for batch in batches)
        return pa.Table.from_batches(batches, schema_of(source.columns))


ARRAYS = {
    "integers": pa.array([1, None, -(2**63)], pa.int64()),
    "unsigned": pa.array([0, 2**64 - 1], pa.uint64()),
    "decimal": pa.array([Decimal("1.20"), None], pa.decimal128(38, 2)),
    "decimal256": pa.array([Decimal("9" * 58 + ".55"), None], pa.decimal256(60, 2)),
    "text": pa.array(["é", "", None]),
    "binary": pa.array([b"\xff\0", None]),
    "fixed binary": pa.array([b"1234567890123456"], pa.binary(16)),
    "date": pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    "time": pa.array([dt.time(23, 59, 59, 999999)], pa.time64("us")),
    "nanoseconds": pa.array([1, None], pa.timestamp("ns")),
    "zoned": pa.array([1, None], pa.timestamp("us", "Europe/Berlin")),
    "duration": pa.array([1, None], pa.duration("us")),
    "dictionary": pa.array(["a", "b", "a", None]).dictionary_encode(),
    "struct": pa.array([{"a": {"b": [1, None]}}, None]),
    "list": pa.array([[[1], []], None, []], pa.list_(pa.list_(pa.int32()))),
    "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
    "only nulls": pa.nulls(3),
    "half": pa.array([1.5], pa.float16()),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_it_keeps_the_type_and_the_values(path: Path, context: Context, name: str) -> None:
    table = pa.table({"c": ARRAYS[name]})
    pq.write_table(table, path)
    found = read(path, context)
    assert found.schema.field("c").type == table.schema.field("c").type
    assert found.column("c").equals(table.column("c"))


def test_it_keeps_the_schema_of_an_empty_file(path: Path, context: Context) -> None:
    pq.write_table(pa.table({"a": pa.array([], pa.decimal128(5, 2))}), path)
    found = read(path, context)
    assert (found.num_rows, found.schema.field("a").type) == (0, pa.decimal128(5, 2))


def test_it_reads_what_another_writer_wrote(path: Path, context: Context) -> None:
    duckdb.sql(f"copy (select i, i::varchar t, [i] l, {{'x': i}} s, i::hugeint h from range(5000) r(i)) to '{path}'")
    found = read(path, context)
    assert found.column("i").to_pylist() == list(range(5000))
    assert found.column("l").to_pylist() == [[i] for i in range(5000)]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (dt.datetime(2020, 1, 1, 1, 2, 3, 456789), "us"),
        (dt.datetime(9999, 12, 31, 23, 59, 59), "us"),
        (dt.datetime(1, 1, 1), "us"),
    ],
)
def test_old_timestamps_keep_every_year(path: Path, context: Context, value: dt.datetime, kind: str) -> None:
    table = pa.table({"t": pa.array([value, None], pa.timestamp("us")), "l": pa.array([[value], []])})
    pq.write_table(table, path, use_deprecated_int96_timestamps=True)
    found = read(path, context)
    assert found.schema.field("t").type == pa.timestamp(kind)
    assert found.to_pylist() == table.to_pylist()


def test_old_timestamps_keep_nanoseconds(path: Path, context: Context) -> None:
    table = pa.table({"t": pa.array([1_600_000_000_000_000_001], pa.timestamp("ns"))})
    pq.write_table(table, path, use_deprecated_int96_timestamps=True)
    assert read(path, context).equals(table)


@pytest.mark.parametrize(("day", "reason"), [(2**31 - 1, "beyond the year 294246"), (1721426, "no type holds both")])
def test_old_timestamps_that_no_type_holds_are_refused(path: Path, context: Context, day: int, reason: str) -> None:
    path.write_bytes(raw_parquet("INT96", struct.pack("<qi", 1, day), values=1, rows=1))
    with pytest.raises(UnreadableFile, match=reason):
        read(path, context)


def test_intervals_are_kept_as_their_three_numbers(path: Path, context: Context) -> None:
    duckdb.sql(f"copy (select * from (values (interval '1 year 2 days 3.5 s'), (null)) t(i)) to '{path}'")
    found = read(path, context)
    assert found.column("i").to_pylist() == [{"months": 12, "days": 2, "milliseconds": 3500}, None]


def test_an_interval_inside_a_list_is_named_as_what_it_is(path: Path, context: Context) -> None:
    duckdb.sql(f"copy (select [interval '1 month'] as l) to '{path}'")
    assert read(path, context).column("l").to_pylist() == [[b"\1" + bytes(11)]]
    (warning,) = context.warnings.items
    assert "has the type INTERVAL; it is kept as months, days and milliseconds in 12 bytes" in warning.message


def test_a_variant_is_named_as_what_it_is(path: Path, context: Context) -> None:
    duckdb.sql(f"""copy (select 5::variant as v, {{'a': 1}} as "s (t)", 'x'::variant as "x.y (z)") to '{path}'""")
    table = read(path, context)
    assert set(table.column("v").to_pylist()[0]) >= {"metadata", "value"}
    assert [(warning.issue, warning.column) for warning in context.warnings.items] == [
        ("logical_type", "v"),
        ("logical_type", "x.y (z)"),
    ]


@pytest.mark.parametrize(("text", "status_code"), [("é".encode(), 200), (b"\xff\xfe", 400)])
def test_enums_are_texts(path: Path, tmp_path: Path, text: bytes, status_code: int) -> None:
    path.write_bytes(raw_parquet("BYTE_ARRAY", b"\2\0\0\0" + text, values=1, rows=1, converted=4))
    assert status(path, tmp_path) == status_code
    if status_code == 200:
        assert read(path, Context(tmp_path)).to_pydict() == {"c": ["é"]}


def test_a_map_whose_keys_may_be_null_is_not_called_corrupt(path: Path, context: Context) -> None:
    pq.write_table(pa.table({"m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))}), path, store_schema=False)
    required, optional = b"%\x00\x18\x03key", b"%\x02\x18\x03key"
    content = path.read_bytes()
    assert content.count(required) == 1
    path.write_bytes(content.replace(required, optional))
    with pytest.raises(UnreadableFile, match="a map whose keys may be null"):
        read(path, context)


@pytest.mark.parametrize(("kind", "code", "converted"), [("INT32", "<3i", 7), ("INT64", "<3q", 8)])
def test_times_that_are_none_of_a_day_are_durations(
    path: Path, context: Context, kind: str, code: str, converted: int
) -> None:
    counts = [-1, 0, 93_600_000_000 if kind == "INT64" else 93_600_000]
    path.write_bytes(raw_parquet(kind, struct.pack(code, *counts), values=3, rows=3, converted=converted))
    column = read(path, context).column("c")
    unit = "us" if kind == "INT64" else "ms"
    assert column.type == pa.duration(unit)
    assert column.cast(pa.int64()).to_pylist() == counts
    assert [(warning.issue, warning.column) for warning in context.warnings.items] == [("logical_type", "c")]


def test_only_the_column_with_a_time_past_midnight_is_of_durations(path: Path, context: Context) -> None:
    duckdb.sql(f"copy (select '23:59:59'::time as t, null::time as n, '24:00:00'::time as d) to '{path}'")
    found = read(path, context)
    assert [str(field.type) for field in found.schema] == ["time64[us]", "time64[us]", "duration[us]"]
    assert found.column("d").to_pylist() == [dt.timedelta(days=1)]


def test_a_time_after_midnight_is_refused_by_its_column(path: Path, context: Context) -> None:
    duckdb.sql(f"copy (select ['24:00:00'::time] as l) to '{path}'")
    with pytest.raises(UnreadableFile, match="The column 'l' of the Parquet file holds what is no value: time64"):
        read(path, context)


def test_it_refuses_a_footer_that_hides_rows(path: Path, context: Context) -> None:
    path.write_bytes(raw_parquet("INT32", struct.pack("<ii", 1, 2), values=2, rows=1))
    with pytest.raises(UnreadableFile, match="a row group of 1 rows has 2 values in the column 'c'"):
        read(path, context)


def test_it_refuses_a_group_without_fields(path: Path, context: Context) -> None:
    path.write_bytes(without_fields())
    with pytest.raises(UnreadableFile, match="'c' of the Parquet file is a group without fields"):
        read(path, context)


def test_it_renames_columns_of_the_same_name(path: Path, context: Context) -> None:
    pq.write_table(pa.table([[1], [2], [3]], names=["a", "a", ""]), path)
    assert read(path, context).to_pylist() == [{"a": 1, "a_2": 2, "column_3": 3}]


def test_large_rows_come_in_small_batches(path: Path, tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": ["x" * 1_000_000] * 200}), path)  # one value in a dictionary
    with open_parquet(path, FileOptions(), Context(tmp_path)) as source:
        sizes = [batch.num_rows for batch in source.batches()]
    assert sum(sizes) == 200
    assert max(sizes) <= 40


def test_it_reports_how_much_it_has_read(path: Path, tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": range(5000)}), path)
    seen: list[int] = []
    read(path, Context(tmp_path, batch_rows=1000, progress=seen.append))
    assert seen == sorted(seen)
    assert seen[-1] == path.stat().st_size


def test_it_refuses_an_encrypted_footer(path: Path, context: Context) -> None:
    path.write_bytes(b"PARE" + b"x" * 100 + b"PARE")
    with pytest.raises(UnreadableFile, match="encrypted") as caught:
        read(path, context)
    assert caught.value.code == "encrypted_file"


class PlainKeys(pe.KmsClient):  # type: ignore[misc]  # pyarrow ships no types for it
    """Wraps keys by writing them down."""

    def wrap_key(self, key: bytes, _master: str) -> bytes:
        return key.hex().encode()

    def unwrap_key(self, key: bytes, _master: str) -> bytes:
        return bytes.fromhex(key.decode())


@pytest.mark.parametrize("plaintext_footer", [True, False])
def test_it_refuses_encrypted_columns(path: Path, context: Context, plaintext_footer: bool) -> None:
    factory = pe.CryptoFactory(lambda _config: PlainKeys())
    config = pe.EncryptionConfiguration(footer_key="f", column_keys={"c": ["a"]}, plaintext_footer=plaintext_footer)
    table = pa.table({"a": [1, 2]})
    properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), config)
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    with pytest.raises(UnreadableFile, match="encrypted"):
        read(path, context)


def test_it_refuses_flatten(path: Path, context: Context) -> None:
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(InvalidRequest, match="flatten"):
        read(path, context, flatten=True)


def test_it_refuses_a_file_without_columns(path: Path, context: Context) -> None:
    pq.write_table(pa.table({}), path)
    with pytest.raises(UnreadableFile, match="no columns"):
        read(path, context)


@pytest.mark.parametrize("content", [b"", b"PAR", b"a,b\n1,2\n" * 10, b"PK\x03\x04" + b"\0" * 100])
def test_it_refuses_what_is_not_parquet(path: Path, context: Context, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match="not a Parquet file"):
        read(path, context)


def test_it_calls_a_file_of_nothing_but_the_magic_truncated(path: Path, context: Context) -> None:
    path.write_bytes(b"PAR1")
    with pytest.raises(UnreadableFile, match="truncated"):
        read(path, context)


def test_it_refuses_a_truncated_file(path: Path, context: Context) -> None:
    pq.write_table(pa.table({"a": range(1000)}), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UnreadableFile, match="truncated"):
        read(path, context)


def test_it_refuses_text_that_is_not_utf8(path: Path, context: Context) -> None:
    text = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff\xfe"]).buffers())
    pq.write_table(pa.table({"a": text}), path)
    with pytest.raises(UnreadableFile, match="UTF8"):
        read(path, context)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "damaged.parquet"
    table = pa.table({"a": range(50), "b": [["x"] * (i % 3) for i in range(50)], "c": [f"t{i % 7}" for i in range(50)]})
    pq.write_table(table, path, write_page_checksum=True)
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(4, len(content) - 5), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    assert status(path, tmp_path) in {200, 400}


def status(path: Path, tmp_path: Path) -> int:
    try:
        read(path, Context(tmp_path))
    except ConversionError as error:
        return error.http_status
    return 200


KINDS = st.sampled_from(
    [
        (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
        (pa.float64(), st.floats(allow_nan=False)),
        (pa.string(), st.text(st.characters(exclude_categories=["Cs"]))),
        (pa.bool_(), st.booleans()),
        (pa.timestamp("us"), st.datetimes()),
        (pa.list_(pa.int64()), st.lists(st.none() | st.integers(-9, 9))),
        (pa.decimal128(12, 2), st.decimals(-(10**9), 10**9, places=2)),
    ]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), row_group=st.integers(1, 50), rows=st.integers(0, 60))
def test_every_value_comes_back(tmp_path: Path, data: st.DataObject, row_group: int, rows: int) -> None:
    columns = {}
    for number in range(data.draw(st.integers(1, 4))):
        kind, values = data.draw(KINDS)
        columns[f"c{number}"] = pa.array(data.draw(st.lists(st.none() | values, min_size=rows, max_size=rows)), kind)
    path = tmp_path / "any.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=row_group)
    assert read(path, Context(tmp_path, batch_rows=7)).to_pydict() == pa.table(columns).to_pydict()
