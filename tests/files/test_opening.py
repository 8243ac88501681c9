"""Files of any kind are opened as what they are, however they are packed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from connectors.errors import ConversionError, TooLarge
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


def test_several_gzip_members_are_one_file() -> None:
    assert convert(gzip.compress(CSV) + gzip.compress(b"3,z\n")).table.num_rows == 3


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
        (b'[{"a": 1}]', "csv", "JSON"),
        (CSV, "parquet", "plain text"),
        (CSV, "excel", "plain text"),
        (parquet(), "csv", "a Parquet file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "csv", "an Excel workbook"),
        (b"\x89PNG\r\n\x1a\n....", "auto", "a PNG image"),
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


def test_a_tsv_is_cut_at_tabs_even_where_commas_are_more_even() -> None:
    found = convert("id\tname\n1\tSmith, Jo\n2\tDoe, Al\n", "tsv")
    assert found.rows == [(1, "Smith, Jo"), (2, "Doe, Al")]


@pytest.mark.parametrize("content", [b"", gzip.compress(b""), zipped(empty=b"")])
def test_an_empty_file_is_refused(content: bytes) -> None:
    with pytest.raises(ConversionError, match="empty") as caught:
        convert(content)
    assert caught.value.code == "empty_file"


def test_a_text_that_begins_like_another_format_is_still_text() -> None:
    assert convert("PAR1,RIFF\n1,2\n").table.column_names == ["PAR1", "RIFF"]
