"""Files of any kind are opened as what they are, however they are packed."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from connectors.errors import ConversionError, TooLarge, UnreadableFile
from tests.files.converting import convert

CSV = b"a,b\n1,x\n2,y\n"


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), buffer)
    return buffer.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": lambda content: zipped(data=content),
}


@pytest.mark.parametrize("compression", PACKERS)
def test_it_unpacks_what_it_recognises_by_its_bytes(compression: str) -> None:
    found = convert(PACKERS[compression](CSV))
    assert found.rows == [(1, "x"), (2, "y")]
    assert (found.facts["compression"], found.facts["bytes"]) == (compression, len(CSV))


@pytest.mark.parametrize("compression", PACKERS)
def test_it_refuses_a_truncated_archive(compression: str) -> None:
    with pytest.raises(ConversionError, match="damaged or truncated") as caught:
        convert(PACKERS[compression](CSV * 1000)[:-9])
    assert caught.value.http_status == 400


@pytest.mark.parametrize("compression", PACKERS)
def test_a_bomb_is_refused_once_it_is_over_the_limit(compression: str) -> None:
    with pytest.raises(TooLarge) as caught:
        convert(PACKERS[compression](b"0" * 30_000_000), max_bytes=1_000_000)
    assert caught.value.http_status == 413


def test_a_plain_file_over_the_limit_is_refused() -> None:
    with pytest.raises(TooLarge):
        convert(CSV, max_bytes=5)


@pytest.mark.parametrize("compression", ["gzip", "zstd", "bzip2", "xz"])
def test_several_streams_are_one_file(compression: str) -> None:
    pack = PACKERS[compression]
    assert convert(pack(CSV) + pack(b"3,z\n" * 1_000_000) + pack(b"4,z\n")).table.num_rows == 1_000_003


@pytest.mark.parametrize("compression", ["gzip", "zstd", "bzip2", "xz"])
def test_what_follows_the_compressed_data_is_not_passed_over(compression: str) -> None:
    damaged = b"?" + PACKERS[compression](b"3,z\n")[1:]
    with pytest.raises(ConversionError, match="damaged or truncated"):
        convert(PACKERS[compression](CSV) + damaged)


@pytest.mark.parametrize("compression", ["gzip", "bzip2", "xz"])
def test_zeros_that_fill_up_a_tape_are_nothing(compression: str) -> None:
    assert convert(PACKERS[compression](CSV) + b"\0" * 3_000_000).table.num_rows == 2


def test_an_archive_packed_by_another_method_says_so() -> None:
    deflate64 = zipped(a=CSV).replace(b"\x14\0\0\0\x08\0", b"\x14\0\0\0\x09\0")
    with pytest.raises(ConversionError, match="method that the portal cannot unpack"):
        convert(deflate64)


def test_an_archive_without_a_file_says_so() -> None:
    with pytest.raises(ConversionError, match="holds no file"):
        convert(zipped())


def test_a_zip_with_several_files_is_refused_naming_them() -> None:
    with pytest.raises(ConversionError, match=r"2 files \(one, two\)"):
        convert(zipped(one=CSV, two=CSV))


@pytest.mark.parametrize(
    ("content", "kind", "looks"),
    [
        (b"\x89PNG\r\n\x1a\n....", "csv", "a PNG image"),
        (b"%PDF-1.7\n", "csv", "a PDF document"),
        (b"<!DOCTYPE html>\n<html></html>", "csv", "an HTML page"),
        (b"<html><table></table></html>", "excel", "an HTML page"),
        (b"<?xml version='1.0'?><a/>", "csv", "an XML document"),
        (b"<Error><Code>AccessDenied</Code></Error>\n", "csv", "an XML document"),
        (b"MIME-Version: 1.0\nContent-Type: multipart/related\n\n<html>", "excel", "a web archive"),
        (b"$FL2@(#) SPSS DATA FILE\x00\x02", "auto", "an SPSS file"),
        (b"<title>Not found</title>\n<p>Sorry</p>", "csv", "an HTML page"),
        (b'[{"a": 1}]', "csv", "JSON"),
        (CSV, "parquet", "plain text"),
        (CSV, "excel", "plain text"),
        (parquet(), "csv", "a Parquet file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "csv", "an Excel workbook"),
        (b"\x89PNG\r\n\x1a\n....", "auto", "a PNG image"),
        (b"\x1f\x9d\x90a\x02", "csv", "a .Z archive"),
        (b"\xcf\xfa\xed\xfe\x07\0\0\1", "parquet", "plain text or something unknown, not parquet"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "csv", "a Git LFS pointer"),
        (b"\x04\x22\x4d\x18d@\xa7", "auto", "an LZ4 archive"),
        (lzma.compress(CSV, format=lzma.FORMAT_ALONE), "auto", "an LZMA archive"),
        (b"LZIP\x01\x0c\x00", "auto", "an lzip archive"),
        (b"\xff\x06\x00\x00sNaPpY\x01\x0b", "csv", "a Snappy stream"),
    ],
)
def test_it_refuses_another_format_and_says_what_it_looks_like(content: bytes, kind: str, looks: str) -> None:
    with pytest.raises(ConversionError, match=looks) as caught:
        convert(content, kind)
    assert (caught.value.code, caught.value.http_status) == ("wrong_format", 400)


@pytest.mark.parametrize(
    ("content", "kind"), [(CSV, "csv"), (parquet(), "parquet"), (b'{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n', "json")]
)
def test_auto_opens_a_file_as_what_it_is(content: bytes, kind: str) -> None:
    found = convert(gzip.compress(content), "auto")
    assert found.rows == [(1, "x"), (2, "y")]
    assert found.facts["format"] == kind


JSON_TEXTS = {
    "arrays on one line": "[" + ",".join(f'[{row},"x"]' for row in range(2000)) + "]",
    "arrays over lines": '[\n  [\n    1,\n    "x"\n  ]\n]',
    "texts over lines": '[\n  "a",\n  "b"\n]',
    "numbers": json.dumps([*range(2000)]),
    "booleans": "[true, false, null]",
    "lines of arrays": "[1, 2]\n[3, 4]\n",
    "null first": '[null, {"a": 1}]',
    "a long key's value": json.dumps([["x" * 9000, 1]]),
}


@pytest.mark.parametrize("name", JSON_TEXTS)
def test_auto_knows_json_of_any_layout(name: str) -> None:
    assert convert(JSON_TEXTS[name], "auto").facts["format"] == "json"


NO_JSON = {
    "a remark": '// made today\n[{"a": 1}]',
    "a longer remark": '/* made\ntoday */ {"a": 1}',
    "Python": "[{'a': 1}]",
    "JavaScript's keys": "{a: 1}",
    "a guard against scripts": ')]}\',\n[{"a": 1}]',
    "nothing": "[]",
    "brackets": "[" * 10_000,
    "a comma that lacks": "[1 true]",
    "a sign alone": "[-]\n",
    "an object in an object": '{\n {\n "a": 1}\n}\n',
}


@pytest.mark.parametrize("name", NO_JSON)
def test_auto_refuses_what_is_nearly_json_instead_of_reading_it_as_text(name: str) -> None:
    with pytest.raises(ConversionError, match=r"Not valid JSON at line [12]|no records"):
        convert(NO_JSON[name], "auto")


@pytest.mark.parametrize(
    "text", ["[a];[b]\n[c];[d]\n", "{x},{y}\n{z},{w}\n", "[x y]\nq\n[z]\n", "[a\nb\n", "[a b] [c] d\n[e f] [g]\n"]
)
def test_brackets_around_cells_are_no_json(text: str) -> None:
    assert convert(text.encode(), "auto").facts["format"] == "csv"


@pytest.mark.parametrize("text", ['var rows = [{"a": 1}];', 'callback({"a": 1});', 'window.x.part0 = [ {\n "a": 1}]'])
@pytest.mark.parametrize("kind", ["auto", "json", "csv"])
def test_it_refuses_scripts(text: str, kind: str) -> None:
    with pytest.raises(ConversionError, match="looks like a JavaScript file"):
        convert(text, kind)


@pytest.mark.parametrize("text", ["[id],[name]\n1,2\n", "[1],[2]\n[3],[4]\n", "[12] started, then\n[13] ended, then\n"])
def test_brackets_in_a_table_are_no_json(text: str) -> None:
    assert convert(text, "auto").facts["format"] == "csv"


def test_a_tsv_is_cut_at_tabs_even_where_commas_are_more_even() -> None:
    found = convert("id\tname\n1\tSmith, Jo\n2\tDoe, Al\n", "tsv")
    assert found.rows == [(1, "Smith, Jo"), (2, "Doe, Al")]


@pytest.mark.parametrize("content", [b"", gzip.compress(b"", mtime=0), zipped(empty=b"")])
def test_an_empty_file_is_refused(content: bytes) -> None:
    with pytest.raises(ConversionError, match="empty") as caught:
        convert(content)
    assert caught.value.code == "empty_file"


def test_a_header_in_angle_brackets_is_no_markup() -> None:
    assert convert("<TICKER>,<CLOSE>\nA,1.5\n").table.column_names == ["<TICKER>", "<CLOSE>"]


def test_hidden_files_in_a_zip_do_not_count() -> None:
    assert convert(zipped(**{"x/.DS_Store": b"?", "x/data.csv": CSV})).table.num_rows == 2


def test_a_parquet_file_that_ends_behind_its_first_bytes_is_no_text() -> None:
    with pytest.raises(UnreadableFile, match="truncated"):
        convert(b"PAR1", "auto")


def test_a_text_that_begins_like_another_format_is_still_text() -> None:
    assert convert("PAR1,RIFF\n1,2\n").table.column_names == ["PAR1", "RIFF"]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"/* a */ /* b */\n" * 200, 200),
        (b"a,b\n" + b"\t" * 250_000 + b"[1],\n", 1),
        (b"a\n" + b"-" * 250_000 + b"x\n", 1),
    ],
    ids=["remarks", "tabs", "a ruler"],
)
def test_a_file_of_one_thing_over_and_over_is_read_at_once(content: bytes, rows: int) -> None:
    assert convert(content, "auto").table.num_rows == rows


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n" + b" " * 250_000 + b"=\n",
        b"a,b\n1,2\n" + b"\xff" * 250_000 + b"x\n",
        b"a,b\n1,2\n" + b'"' * 15_001 + b" .\n",
    ],
    ids=["blanks", "a byte", "quotes"],
)
def test_a_file_of_one_thing_over_and_over_is_refused_at_once(content: bytes) -> None:
    with pytest.raises(ConversionError, match="Line 3: "):
        convert(content, "auto")
