"""Delimited text (CSV, TSV and friends) as typed Arrow batches, in one parallel pass that proves what it converts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.errors import UnreadableFile
from connectors.files.bounded import bounded
from connectors.files.delimited.columns import EMPTY, NULL_WORDS, Converted, convert, plan, settle
from connectors.files.delimited.dialect import NO_DELIMITER
from connectors.files.delimited.encoding import Utf8Text, as_utf8
from connectors.files.delimited.examination import examine
from connectors.files.delimited.footer import find_footer
from connectors.files.delimited.inference import TEXT, dates_as, ladder
from connectors.files.delimited.kinds import Kind
from connectors.files.delimited.layout import Layout, lay_out
from connectors.files.delimited.records import Block, find_quotes, line_at
from connectors.files.delimited.reports import Rejects, Tally, shown
from connectors.files.delimited.rewritten import AskedText
from connectors.files.delimited.rows import TextBlock, TextReader
from connectors.files.delimited.written import with_one_byte_delimiter
from connectors.files.names import unique_names
from connectors.files.options import FileOptions
from connectors.files.overrides import OverriddenSource
from connectors.source import Column, Context, SchemaChanged, Source, Warnings, schema_of
from connectors.wording import counted, were

_LAYOUT_BYTES = 256 << 10
_MOST_LAYOUT_BYTES = 8 << 20
_TYPING_BYTES, _TYPING_BYTES_PER_COLUMN = 128 << 10, 512
_MOST_COLUMNS = 100_000


@contextmanager
def open(path: Path, options: FileOptions, context: Context) -> Iterator[Source]:  # noqa: A001 - the registry's name
    """Open an uncompressed text file; what ``options`` does not say is detected.

    Raises:
        InvalidRequest: an option that is malformed or names a column the file does not have.
        UnreadableFile: no text, no columns, or bytes that are invalid in its encoding.
    """
    text, options = with_one_byte_delimiter(as_utf8(path, options.encoding, context), options, context)
    layout = _layout_of(text, options)
    source = DelimitedSource(text, layout, options, context)
    if options.type_overrides:
        yield OverriddenSource(source, options, context, release=source.infer_types_of)
    else:
        yield source


def _layout_of(text: Utf8Text, options: FileOptions) -> Layout:
    size = _LAYOUT_BYTES
    while True:
        with text.path.open("rb") as file:
            file.seek(text.start)
            sample = file.read(size)
            whole = not file.read(1)
        layout = lay_out(sample, options, whole=whole, written=text.delimiter)
        if whole or layout.names or size >= _MOST_LAYOUT_BYTES:
            break
        size = min(size * 8, _MOST_LAYOUT_BYTES)
    if not layout.names and not whole and sample.strip():
        raise UnreadableFile(
            f"The first line does not end within {_MOST_LAYOUT_BYTES >> 20} MB, so the file looks like no table.",
            code="bad_header",
            hint="Is a closing quote missing? The option quote_char says which quotes there are ('' for none).",
        )
    if not layout.names:
        raise UnreadableFile("The file has no columns: it holds nothing but blank lines.", code="empty_file")
    if len(layout.names) > _MOST_COLUMNS:
        raise UnreadableFile(
            f"The first line has {len(layout.names):,} fields, and a table may have {_MOST_COLUMNS:,} columns.",
            code="too_many_columns",
            hint="Is a line end missing, or is options.delimiter another one?",
        )
    places = {name: getattr(layout, name) + text.start for name in ("header_start", "header_end", "data_start")}
    layout = replace(layout, **places)
    _check_header(text, layout)
    return layout


def _check_header(text: Utf8Text, layout: Layout) -> None:
    """A header is a record like any other: its quotes are in order, and it holds no NUL.

    Raises:
        UnreadableFile: it does not.
    """
    with text.path.open("rb") as file:
        file.seek(layout.header_start)
        header = file.read(layout.header_end - layout.header_start)
    if not layout.has_header:
        return
    block = Block(memoryview(header), layout.header_start, find_quotes(header, layout.dialect))
    found = examine(block, layout.dialect, layout.header_fields)
    for bad in found.bad:
        line = line_at(text.path, layout.header_start)
        raise UnreadableFile(f"Line {line} (the header): {bad.reason}.", code="bad_header")


class DelimitedSource:
    """The rows of a delimited file. See ``Source``.

    Overridden columns are read as text: ``OverriddenSource`` casts them from exactly what was written.
    """

    def __init__(self, text: Utf8Text, layout: Layout, options: FileOptions, context: Context) -> None:
        self._text, self._layout, self._options, self._context = text, layout, options, context
        end, self._footer = find_footer(text.path, layout.data_start, layout.dialect, len(layout.names))
        names = [name if name.strip() else "" for name in layout.names]
        names = unique_names([*names, ""] if layout.trailing_delimiter else names, _unless(layout, context.warnings))
        self._reader = TextReader(text.path, layout.data_start, end, layout.dialect, len(names))
        self._null_words = options.null_values is None
        self._nulls = (*EMPTY, *(NULL_WORDS if options.null_values is None else options.null_values))
        sample = self._reader.sample(max(_TYPING_BYTES, len(names) * _TYPING_BYTES_PER_COLUMN), self._nulls)
        self._kinds = ladder(decimal_comma=bool(options.decimal_comma), date_format=options.date_format)
        forced = {name: _as_asked(kind, options) for name, kind in options.type_overrides.items()}
        self._plans = plan(names, sample, self._kinds, forced, hidden=layout.trailing_delimiter)
        self._estimate = _estimated_rows(sample, end - layout.data_start)
        self._rejected = 0

    @property
    def columns(self) -> Sequence[Column]:
        return [plan.column for plan in self._plans if not plan.hidden]

    @property
    def total_rows(self) -> int | None:
        return self._estimate

    @property
    def rows_rejected(self) -> int:
        return self._rejected

    @property
    def facts(self) -> Mapping[str, Any]:
        dialect = self._layout.dialect
        delimiter = None if dialect.delimiter == NO_DELIMITER else dialect.delimiter
        return {
            "encoding": self._text.encoding,
            "delimiter": self._text.delimiter or delimiter,
            "quote_char": dialect.quote,
            "escape_char": dialect.escape or None,
            "has_header": self._layout.has_header,
            "title_lines": len(self._layout.titles),
            "footer_lines": len(self._footer),
            "confidence": {"encoding": self._text.confidence, **self._layout.confidence},
        }

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Every row once, typed. See ``Source.batches``.

        Raises:
            SchemaChanged: values later than the sample need other types.
            UnreadableFile: a bad row, with its line and what is wrong with it.
        """
        plans, schema, tally = self._plans, schema_of(self.columns), Tally()
        with self._rejects() as rejects:
            for found in self._reader.each(EMPTY if self._null_words else self._nulls, self._convert):
                rejects.take(found)
                if found.failed:
                    self._settle(found.failed)
                    raise SchemaChanged
                tally.add(found)
                arrays = [array for array, column in zip(found.arrays, plans, strict=True) if not column.hidden]
                yield from bounded(pa.RecordBatch.from_arrays(arrays, schema=schema), self._context.batch_rows)
                self._context.progress(found.block.offset + found.block.size)
            self._rejected, self._estimate = rejects.count, tally.rows
            self._report_layout()
            rejects.warn(self._context.warnings)
        tally.warn(self._context.warnings, plans)

    def infer_types_of(self, names: Sequence[str]) -> None:
        """Find the types of columns that were read as text for an override, by reading all rows."""
        places = [place for place, column in enumerate(self._plans) if column.name in names]
        for place in places:
            self._plans[place] = replace(self._plans[place], candidates=self._kinds)
        self._settle(places)

    def _convert(self, block: TextBlock) -> Converted:
        return convert(block, self._plans, self._reader, null_words=self._null_words)

    def _settle(self, places: Sequence[int]) -> None:
        self._plans = settle(self._plans, places, self._reader, self._nulls)

    def _rejects(self) -> Rejects:
        skip = self._options.on_bad_row == "skip"
        return Rejects(self._text.path, self._options.rejects_path, skip=skip)

    def _report_layout(self) -> None:
        warnings, delimiter = self._context.warnings, self._layout.dialect.delimiter
        for issue, where, lines in (
            ("title_lines", "above", self._layout.titles),
            ("footer_lines", "below", self._footer),
        ):
            if lines:
                count = counted(len(lines), "line")
                as_written = [line.replace(delimiter, self._text.delimiter or delimiter) for line in lines]
                warnings.add(issue, f"{count} {where} the table {were(len(lines))} left out: {_listed(as_written)}.")
        if doubt := self._text.doubt(self._options.encoding):
            warnings.add("guessed_encoding", doubt)
        self._report_unused_format()

    def _report_unused_format(self) -> None:
        asked, kinds = self._options.date_format, self._options.type_overrides.values()
        used = any(plan.kind.name == dates_as(asked) for plan in self._plans) or any(map(pa.types.is_temporal, kinds))
        if asked and not used:
            self._context.warnings.add("unused_date_format", f"No column holds dates written as {asked} throughout.")


def _unless(layout: Layout, warnings: Warnings) -> Warnings:
    """Nobody needs to know that names which we gave are not in the file."""
    return warnings if layout.has_header and not layout.trailing_delimiter else Warnings()


def _estimated_rows(sample: TextBlock | None, size: int) -> int | None:
    if sample is None or not sample.rows:
        return 0 if sample is None else None
    return max(sample.rows, int(size / sample.size * sample.rows))


def _listed(lines: Sequence[str]) -> str:
    return ", ".join(shown(line) for line in lines[:5]) + (" ..." if len(lines) > 5 else "")


def _as_asked(kind: pa.DataType, options: FileOptions) -> Kind:
    """How a column is read whose type the caller gave: as text, from which ``OverriddenSource`` casts."""
    has_fraction = pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if not has_fraction and not pa.types.is_primitive(kind):
        return TEXT
    return AskedText(with_comma=has_fraction and bool(options.decimal_comma))
