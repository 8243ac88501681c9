"""What a pass over a text file has to tell: lines and values that a caller should know of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

from connectors.errors import UnreadableFile
from connectors.files.delimited.columns import ColumnPlan, Converted, Mark
from connectors.files.delimited.records import line_at
from connectors.source import Warnings
from connectors.wording import counted, were

_SHOWN = 5
_LONGEST_SHOWN = 80
# What the values of a column that stays text are, one of them and what is said of it, and which option tells.
_ISSUES = {
    "ambiguous_dates": ("date", "of uncertain order or century", "; date_format tells"),
    "mixed_dates": ("value", "of a date or time, but of several kinds or of no calendar or clock", ""),
    "leading_zeros": ("number", "with leading zeros", ""),
    "plus_signs": ("number", "with a plus sign", ""),
    "over_long_numbers": ("number", "that no numeric type holds exactly", ""),
    "thousands_separators": ("number", "with thousands separators", ""),
    "units_in_numbers": ("number", "with a sign of money or percent", ""),
    "decimal_commas": ("number", "with a decimal comma", "; decimal_comma reads them as numbers"),
}


class Rejects:
    """The records that are no rows: refused at the first one, or kept in a file of their own."""

    def __init__(self, text: Path, kept: Path | None, *, skip: bool) -> None:
        self._text = text
        self._skip = skip
        self._file: IO[str] | None = kept.open("w", encoding="utf-8") if skip and kept else None
        self._known = (0, 1)
        self.count = 0
        self._first: list[str] = []

    def __enter__(self) -> Rejects:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def take(self, found: Converted) -> None:
        """Count and keep the bad records of a block.

        Raises:
            UnreadableFile: there is one, and bad rows are not to be skipped.
        """
        for record in found.block.bad:
            place = found.block.offset + record.start
            self._known = (place, line_at(self._text, place, self._known))
            self._take(self._known[1], record.reason, record.text)

    def _take(self, line: int, reason: str, text: str) -> None:
        where = f"Line {line}: {reason}"
        if not self._skip:
            unquoted = ", set quote_char to '' if no field of the file is in quotes" if "quote" in reason else ""
            hint = f"Mend the line{unquoted}, or set on_bad_row to 'skip' to leave such rows out."
            raise UnreadableFile(f"{where}.", code="bad_row", hint=hint)
        self.count += 1
        if len(self._first) < _SHOWN:
            self._first.append(f"{where} ({shown(text)})")
        if self._file is not None:
            self._file.write(json.dumps({"line": line, "reason": reason, "text": text}, ensure_ascii=False) + "\n")

    def warn(self, warnings: Warnings) -> None:
        """Report what was left out."""
        if self.count:
            first = "; ".join(self._first)
            message = f"{counted(self.count, 'bad row')} {were(self.count)} left out. {first}."
            warnings.add("bad_rows", message, affected_rows=self.count)


@dataclass(slots=True)
class Tally:
    """Sums up what the blocks of one pass have found."""

    rows: int = 0
    blank_lines: int = 0
    comment_lines: int = 0
    empty_rows: int = 0
    _blank_at_end: int = 0
    _null_words: Counter[int] = field(default_factory=Counter)
    _kept_words: Counter[int] = field(default_factory=Counter)
    _empty_texts: Counter[int] = field(default_factory=Counter)
    _marks: dict[int, Mark] = field(default_factory=dict)

    def add(self, found: Converted) -> None:
        """Take one block into account; call it in order."""
        block = found.block
        self.blank_lines += block.blank_lines + (self._blank_at_end if block.rows else 0)
        self._blank_at_end = block.trailing_blank_lines + (0 if block.rows else self._blank_at_end)
        self.comment_lines += block.comment_lines
        self.empty_rows += block.empty_rows
        self._null_words.update(found.null_words)
        self._kept_words.update(found.kept_words)
        self._empty_texts.update(found.empty_texts)
        for place, mark in found.marks.items():
            known = self._marks.get(place)
            first = known or Mark(0, self.rows + mark.row + 1, mark.value)
            self._marks[place] = Mark(first.count + mark.count, first.row, first.value)
        self.rows += block.rows

    def warn(self, warnings: Warnings, plans: Sequence[ColumnPlan]) -> None:
        """Report it all, lines first, then columns in their order."""
        for issue, left_out, what, where in (
            ("blank_lines", self.blank_lines, "blank line", "between"),
            ("comment_lines", self.comment_lines, "comment line", "among"),
        ):
            if left_out:
                warnings.add(issue, f"{counted(left_out, what)} {where} rows {were(left_out)} left out.")
        if self.empty_rows:
            are = "is a row" if self.empty_rows == 1 else "are rows"
            warnings.add("blank_lines", f"{counted(self.empty_rows, 'blank line')} {are} without a value.")
        for place, plan in enumerate(plans):
            if count := self._null_words[place]:
                words = counted(count, "unquoted word")
                message = f"{words} for null (such as NULL or N/A) in column '{plan.name}' became null."
                warnings.add("null_words", message, column=plan.name, affected_rows=count)
            if count := self._kept_words[place]:
                codes = f"the codes of two letters in column '{plan.name}'"
                message = f"NA is one of {codes} ({counted(count, 'time')}): kept. With null_values it is null."
                warnings.add("null_words", message, column=plan.name, affected_rows=count)
            if count := self._empty_texts[place]:
                message = f"{counted(count, 'text')} without characters in column '{plan.name}' became null."
                warnings.add("empty_texts", message, column=plan.name, affected_rows=count)
            if mark := self._marks.get(place):
                self._warn_of_column(warnings, plan, mark)

    def _warn_of_column(self, warnings: Warnings, plan: ColumnPlan, mark: Mark) -> None:
        issue = plan.kind.issue or ""
        other = ("value", f"other than {getattr(plan.kind, 'values', '')}", "")
        noun, quality, hint = _ISSUES.get(issue, other)
        what = f"{counted(mark.count, noun)} {quality}"
        first = f"the first in row {mark.row}: {shown(mark.value)}"
        message = f"Column '{plan.name}' stays text as written: it has {what} ({first}){hint}."
        warnings.add(issue, message, column=plan.name, affected_rows=mark.count)


def shown(text: str) -> str:
    """A value as a message shows it."""
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}...")
