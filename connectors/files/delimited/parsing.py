"""From the bytes of sound records to columns of text, with unquoted null words told from quoted ones."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.csv as arrow_csv

from connectors.errors import UnreadableFile
from connectors.files.delimited.records import Dialect, shelter_backslashes, without_padding

_BOM = b"\xef\xbb\xbf"


class Ragged(Exception):
    """A record has more or fewer fields than there are columns."""


def parse_text(
    data: bytes | memoryview,
    fields: int,
    dialect: Dialect,
    nulls: Sequence[str],
    *,
    quoted: bool = True,
    only: Sequence[int] | None = None,
) -> list[pa.Array]:
    """The columns of records of valid UTF-8 as text, quotes and escapes undone; ``nulls`` are null where unquoted.

    ``quoted``: whether there are quotes at all. ``only``: the columns wanted, by position; all are parsed.

    Raises:
        Ragged: a record has not ``fields`` fields.
        UnreadableFile: text that cannot be parsed at all.
    """
    names = [str(position) for position in range(fields)]
    wanted = names if only is None else [names[position] for position in only]
    data = _as_the_parser_needs_it(data, dialect)
    skipped = int(bytes(data[:3]) == _BOM)  # the parser would take a value's first character for a byte order mark
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(b"\n" + bytes(data) if skipped else data)),
            read_options=arrow_csv.ReadOptions(
                column_names=names, use_threads=False, block_size=len(data) + 2, skip_rows=skipped
            ),
            parse_options=_parse_options(dialect, quoted=quoted, only_column=fields == 1),
            convert_options=_as_text(wanted, nulls),
        )
    except pa.ArrowInvalid as error:
        if "Expected" in str(error) and "columns, got" in str(error):
            raise Ragged from error
        if "Empty CSV file" in str(error):
            return [pa.array([], pa.string()) for _ in wanted]
        raise UnreadableFile("The text cannot be parsed as delimited fields.") from error
    return [_one_array(column) for column in table.columns]


def _as_the_parser_needs_it(data: bytes | memoryview, dialect: Dialect) -> bytes | memoryview:
    if dialect.padded:
        data = without_padding(data, dialect)
    if dialect.escape:
        data = shelter_backslashes(data, dialect)
    if bytes(data[-1:]) == dialect.delimiter.encode():
        data = bytes(data) + b"\n"  # the parser would take the empty field at the very end for one in quotes
    return data


def _parse_options(dialect: Dialect, *, quoted: bool, only_column: bool) -> arrow_csv.ParseOptions:
    return arrow_csv.ParseOptions(
        delimiter=dialect.delimiter,
        quote_char=(dialect.quote or False) if quoted else False,
        double_quote=not dialect.escape,
        escape_char=dialect.escape or False,
        newlines_in_values=quoted or bool(dialect.escape),
        ignore_empty_lines=not only_column,
    )


def _as_text(wanted: list[str], nulls: Sequence[str]) -> arrow_csv.ConvertOptions:
    return arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(wanted, pa.string()),
        include_columns=wanted,
        check_utf8=False,
        null_values=list(nulls),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.array([], pa.string())])
