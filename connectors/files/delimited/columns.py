"""The columns of a text file on their way to their types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.delimited.inference import beside_decimal_commas, choose, narrow, surprising, text_or_mixed
from connectors.files.delimited.kinds import Kind, Nothing, Text, without_empty_texts
from connectors.files.delimited.rows import TextBlock, TextReader
from connectors.source import Column

EMPTY = ("",)
NULL_WORDS = ("NULL", "null", "Null", "N/A", "n/a", "NA", "#N/A", "#NA", "<NA>", "None", "NaT", "\\N")
_LONGEST_NULL_WORD = max(map(len, NULL_WORDS))
_OF_TWO_LETTERS = "NA"  # Namibia
_ENOUGH_CODES = 10  # different ones


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """What one field of every record becomes.

    Attributes:
        kind: what its values are, as far as is known.
        candidates: all that they may be, in order of preference; only one where the caller says what it is.
        hidden: it is what stands after a trailing delimiter: no column as long as it is empty.
        null_words: the unquoted words for null that count as such here.
    """

    name: str
    kind: Kind
    candidates: tuple[Kind, ...]
    hidden: bool = False
    null_words: tuple[str, ...] = NULL_WORDS

    @property
    def column(self) -> Column:
        """Its line in the schema."""
        fidelity = "exact instant in UTC" if pa.types.is_timestamp(self.kind.type) and self.kind.type.tz else "exact"
        return Column(self.name, self.kind.type, True, self.kind.name, fidelity)


@dataclass(frozen=True, slots=True)
class Mark:
    """The surprising values of one column in one block: how many, and the first with its row (0-based) there."""

    count: int
    row: int
    value: str


@dataclass(slots=True)
class Converted:
    """A block's columns as values; ``failed`` are the places of those that their plan does not fit."""

    block: TextBlock
    arrays: list[pa.Array] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    null_words: dict[int, int] = field(default_factory=dict)
    kept_words: dict[int, int] = field(default_factory=dict)
    empty_texts: dict[int, int] = field(default_factory=dict)
    marks: dict[int, Mark] = field(default_factory=dict)


def plan(
    names: Sequence[str],
    sample: TextBlock | None,
    kinds: tuple[Kind, ...],
    forced: Mapping[str, Kind],
    *,
    hidden: bool,
) -> list[ColumnPlan]:
    """The first guess from a sample that was read with all null words; ``hidden``: the last one is no column."""
    plans = []
    for place, name in enumerate(names):
        candidates = (forced[name],) if name in forced else kinds
        kind = forced.get(name) or (choose(kinds, sample.columns[place]) if sample else Nothing())
        words = _null_words(kind, sample.columns[place]) if sample else NULL_WORDS
        plans.append(ColumnPlan(name, kind, candidates, null_words=words))
    if sample and any(each.kind.issue == "decimal_commas" for each in plans):
        plans = [
            replace(each, kind=beside_decimal_commas(each.kind, text)) if each.candidates == kinds else each
            for each, text in zip(plans, sample.columns, strict=True)
        ]
    if hidden:
        plans[-1] = ColumnPlan(names[-1], Nothing(), kinds, hidden=True)
    return plans


def convert(block: TextBlock, plans: Sequence[ColumnPlan], reader: TextReader, *, null_words: bool) -> Converted:
    """A block's texts as values, by plan. With ``null_words``, the usual unquoted words for null become null."""
    result = Converted(block)
    for place, column in enumerate(plans):
        text, kind = block.columns[place], column.kind
        if null_words and pa.types.is_string(kind.type):
            text = _without_null_words(block, place, reader, column.null_words)
        values = _values(kind, text, block)
        if values is None and null_words:
            text = _without_null_words(block, place, reader, column.null_words)
            values = _values(kind, text, block)
        if values is None:
            result.failed.append(place)
        elif empty := values.null_count - text.null_count:
            result.empty_texts[place] = empty
        result.arrays.append(values)
        _note(result, place, column, text)
    return result


def _values(kind: Kind, text: pa.Array, block: TextBlock) -> pa.Array | None:
    takes_empty_texts = pa.types.is_string(kind.type) or not block.quoted
    return kind.convert(text if takes_empty_texts else without_empty_texts(text))


def settle(
    plans: Sequence[ColumnPlan], places: Sequence[int], reader: TextReader, nulls: Sequence[str]
) -> list[ColumnPlan]:
    """The plans that all rows fit: those at ``places`` found anew, the others only where one turns out not to fit."""
    settled, open_places = list(plans), set(places)
    while open_places:
        others = [place for place in range(len(plans)) if place not in open_places]
        candidates = {place: plans[place].candidates for place in open_places}
        first: dict[int, pa.Array] = {}
        unfit: set[int] = set()
        for block, failed in reader.each(nulls, partial(_with_unfit, plans=tuple(settled), places=others)):
            unfit |= failed
            for place in open_places:
                text = block.columns[place]
                first.setdefault(place, text.slice(0, 10_000))
                if len(candidates[place]) > 1:
                    candidates[place] = narrow(candidates[place], text)
        for place, kinds in candidates.items():
            settled[place] = _settled(plans[place], kinds, first[place])
        open_places = unfit
    return settled


def _with_unfit(block: TextBlock, plans: Sequence[ColumnPlan], places: Sequence[int]) -> tuple[TextBlock, set[int]]:
    """The block, and those of the places that their plan does not fit."""
    return block, {place for place in places if _values(plans[place].kind, block.columns[place], block) is None}


def _settled(column: ColumnPlan, kinds: Sequence[Kind], sample: pa.Array) -> ColumnPlan:
    kind, hidden = _best(kinds, sample), column.hidden and isinstance(kinds[0], Nothing)
    return replace(column, kind=kind, hidden=hidden, null_words=_null_words(kind, sample))


def _best(kinds: Sequence[Kind], sample: pa.Array) -> Kind:
    return text_or_mixed(sample) if isinstance(kinds[0], Text) else kinds[0]


def _null_words(kind: Kind, sample: pa.Array) -> tuple[str, ...]:
    """The words that mean null beside these values: among codes of two letters ``NA`` is one of them."""
    codes = sample.drop_null()
    if not isinstance(kind, Text) or len(codes.slice(0, 1000).unique()) < _ENOUGH_CODES:
        return NULL_WORDS
    of_two_letters = pc.all(pc.match_substring_regex(codes, "^[A-Z]{2}$")).as_py()
    return tuple(word for word in NULL_WORDS if word != _OF_TWO_LETTERS) if of_two_letters else NULL_WORDS


def _without_null_words(block: TextBlock, place: int, reader: TextReader, null_words: tuple[str, ...]) -> pa.Array:
    """A column with unquoted null words as null. Where there are quotes, only the parser knows which are quoted."""
    text = block.columns[place]
    shortest = pc.min(pc.binary_length(text)).as_py()
    if shortest is None or shortest > _LONGEST_NULL_WORD:
        return text
    words = pc.is_in(text, value_set=pa.array(null_words))
    if not pc.any(words).as_py():
        return text
    if block.quoted:
        return reader.column(block, place, (*EMPTY, *null_words))
    return pc.if_else(words, None, text)


def _note(result: Converted, place: int, column: ColumnPlan, text: pa.Array) -> None:
    """Count the null words, and what a warning of the kind's issue is about."""
    kind = column.kind
    words = text.null_count - result.block.columns[place].null_count
    if words:
        result.null_words[place] = words
    if column.null_words != NULL_WORDS:
        result.kept_words[place] = pc.sum(pc.equal(text, _OF_TWO_LETTERS)).as_py() or 0
    if kind.issue is None:
        return
    mask = surprising(kind, text)
    count = pc.sum(mask).as_py() or 0
    if count:
        row = pc.index(mask, True).as_py()
        result.marks[place] = Mark(count, row, text[row].as_py())
