"""JSON files: arrays, lines, single objects and records inside a document.

The types are guessed from a sample and proved by every record: one that does not fit has all the rest looked
through, and the reading starts again once with types that hold everything (``SchemaChanged``). Strings stay strings:
JSON has no dates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.errors import UnreadableFile
from connectors.files.bounded import bounded
from connectors.files.delimited.encoding import Utf8Text
from connectors.files.json.decode import Decoder
from connectors.files.json.fast import Parsed, learn
from connectors.files.json.flatten import leaf_arrays, leaves
from connectors.files.json.header import after_first, names_in_first, refuse_other_kinds
from connectors.files.json.layout import Layout, find_layout
from connectors.files.json.notices import report
from connectors.files.json.records import Block, Records
from connectors.files.json.rows import Rows
from connectors.files.json.shape import Plan
from connectors.files.json.text import as_utf8
from connectors.files.names import unique_names
from connectors.files.options import FileOptions
from connectors.source import Column, Context, SchemaChanged, Warnings, schema_of

_SAME_COLUMN = {("string", "text")}  # strings among numbers: stored as they were before


@contextmanager
def open(path: Path, options: FileOptions, context: Context) -> Iterator[JsonSource]:  # noqa: A001 - the registry's name
    """Open a JSON file.

    Raises:
        UnreadableFile: not JSON, not in its encoding, or without a column.
        InvalidRequest: ``records_path`` or ``encoding`` cannot be.
    """
    text = as_utf8(path, options.encoding, context)
    yield JsonSource(text, find_layout(text.path, text.start, options.records_path), options, context)


class JsonSource:
    """See ``connectors.source.Source``."""

    total_rows = None
    rows_rejected = 0

    def __init__(self, text: Utf8Text, layout: Layout, options: FileOptions, context: Context) -> None:
        path, self._encoding, self._doubt = text.path, text.encoding, text.doubt(options.encoding)
        self._context = context
        self._flatten = options.flatten
        self._decoder = Decoder()
        sample = [*Records(path, layout, Decoder(), context.batch_rows).sample()]
        self._header = names_in_first(sample, options.has_header)
        self._rows = Rows(header=unique_names(self._header, Warnings()))
        if self._header:
            sample[0] = [None] * len(self._header)
            layout = after_first(path, layout)
        self._layout = layout
        self._records = Records(path, layout, self._decoder, context.batch_rows)
        for record in sample:
            self._rows.add([record], None)
        self._plan = self._planned()
        if not self._plan.children:
            self._look_through_the_rest(layout.start, 0, nothing_left=False)
        if not self._plan.children:
            raise UnreadableFile("The file has no records with a value in them.", code="no_columns")

    @property
    def facts(self) -> Mapping[str, Any]:
        """Encoding and layout; the path to the records when they are inside a document; whether arrays had names."""
        header = {"header": True} if self._header else {}
        path = {"records_path": self._layout.path} if self._layout.path else {}
        return {"encoding": self._encoding, "layout": self._layout.name, **path, **header}

    @property
    def columns(self) -> Sequence[Column]:
        """One for each key of the records, in the order in which keys were first seen."""
        found = leaves(self._plan, flatten=self._flatten)
        names = unique_names([name for name, _ in found], Warnings())
        return [
            Column(name, plan.type, source_type=plan.kind, fidelity=_FIDELITY.get(plan.kind, "exact"))
            for name, (_, plan) in zip(names, found, strict=True)
        ]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All records; see ``Source.batches``."""
        self._decoder.forget()
        self._rows.short = 0
        schema, rows = schema_of(self.columns), 0
        for block in self._records.blocks(self._native_plan):
            for array in self._arrays(block, rows):
                columns = leaf_arrays(array, self._plan, flatten=self._flatten)
                yield from bounded(pa.RecordBatch.from_arrays(columns, schema=schema), self._context.batch_rows)
                rows += len(array)
            self._context.progress(block.end)
        if self._doubt:
            self._context.warnings.add("guessed_encoding", self._doubt)
        unique_names(self._header, self._context.warnings)
        if self._records.has_pages:
            self._context.warnings.add(
                "several_arrays", "The file holds several arrays one after another; the records are the items of all."
            )
        report(self._context.warnings, self._layout, self._rows, self._plan, self._decoder, flatten=self._flatten)

    def _arrays(self, block: Block, before: int) -> Iterator[Any]:
        if block.parsed is not None:
            self._learn(block.parsed)
            yield block.parsed.table.to_struct_array().combine_chunks().cast(self._plan.type)
            return
        self._rows.add(block.values, before)
        plan = self._planned()
        if not _stored_alike(self._plan, plan):
            self._look_through_the_rest(block.end, before + len(block.values), block.last)
            raise SchemaChanged
        self._plan = plan
        yield from self._rows.tables(block.values, plan, before)

    def _native_plan(self) -> Plan | None:
        is_of_objects = self._rows.kinds.keys() == {"object"}
        return self._plan if is_of_objects and self._plan.fast else None

    def _look_through_the_rest(self, start: int, before: int, nothing_left: bool) -> None:
        self._plan = self._planned()
        for block in () if nothing_left else self._records.blocks(self._native_plan, start):
            if block.parsed is not None:
                self._learn(block.parsed)
                before += block.parsed.table.num_rows
                continue
            self._rows.add(block.values, before)
            before += len(block.values)
            self._plan = self._planned()

    def _planned(self) -> Plan:
        if self._header:
            refuse_other_kinds(self._rows.kinds)
        return self._rows.plan()

    def _learn(self, parsed: Parsed) -> None:
        for name, column in zip(parsed.table.column_names, parsed.table.columns, strict=True):
            for chunk in column.chunks:
                learn(self._rows.objects.fields[name], chunk, parsed)


_FIDELITY = {"text": "text as written", "json": "JSON text"}


def _stored_alike(old: Plan, new: Plan) -> bool:
    """Whether what was stored under the old plan is what the new one would have stored."""
    if old.type != new.type:
        return False
    if old.kind != new.kind:
        return old.kind == "null" or (old.kind, new.kind) in _SAME_COLUMN
    pairs = zip(old.children, new.children, strict=True)
    return all(_stored_alike(left, right) for (_, left), (_, right) in pairs)
