"""What a pass over a text file has to tell: lines and values that a caller should know of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

from connectors.errors import UnreadableFile
from connectors.files.columns import ColumnPlan, Converted, Mark
from connectors.files.records import line_at
from connectors.source import Warnings

_SHOWN = 5
_LONGEST_SHOWN = 80
_ISSUES = {
    "ambiguous_dates": "dates of uncertain order or century, so they stay text as written; date_format tells",
    "leading_zeros": "numbers with leading zeros, so they stay text as written",
    "plus_signs": "numbers with a plus sign, so they stay text as written",
    "over_long_numbers": "numbers that no numeric type holds exactly, so they stay text as written",
    "thousands_separators": "numbers with thousands separators, so they stay text as written",
    "units_in_numbers": "amounts of money or percentages, so they stay text as written",
    "decimal_commas": "numbers with a decimal comma, so they stay text as written; decimal_comma reads them as numbers",
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
            raise UnreadableFile(
                f"{where}.",
                code="bad_row",
                hint="Mend the line, or set on_bad_row to 'skip' to leave such rows out.",
            )
        self.count += 1
        if len(self._first) < _SHOWN:
            self._first.append(f"{where} ({shown(text)})")
        if self._file is not None:
            self._file.write(json.dumps({"line": line, "reason": reason, "text": text}, ensure_ascii=False) + "\n")

    def warn(self, warnings: Warnings) -> None:
        """Report what was left out."""
        if self.count:
            message = f"{self.count} bad rows were left out. {'; '.join(self._first)}."
            warnings.add("bad_rows", message, affected_rows=self.count)


@dataclass(slots=True)
class Tally:
    """Sums up what the blocks of one pass have found."""

    rows: int = 0
    blank_lines: int = 0
    comment_lines: int = 0
    _blank_at_end: int = 0
    _null_words: dict[int, int] = field(default_factory=dict)
    _marks: dict[int, Mark] = field(default_factory=dict)

    def add(self, found: Converted) -> None:
        """Take one block into account; call it in order."""
        block = found.block
        self.blank_lines += block.blank_lines + (self._blank_at_end if block.rows else 0)
        self._blank_at_end = block.trailing_blank_lines + (0 if block.rows else self._blank_at_end)
        self.comment_lines += block.comment_lines
        for place, count in found.null_words.items():
            self._null_words[place] = self._null_words.get(place, 0) + count
        for place, mark in found.marks.items():
            known = self._marks.get(place)
            first = known or Mark(0, self.rows + mark.row + 1, mark.value)
            self._marks[place] = Mark(first.count + mark.count, first.row, first.value)
        self.rows += block.rows

    def warn(self, warnings: Warnings, plans: Sequence[ColumnPlan]) -> None:
        """Report it all, lines first, then columns in their order."""
        if self.blank_lines:
            warnings.add("blank_lines", f"{self.blank_lines} blank lines between rows were left out.")
        if self.comment_lines:
            warnings.add("comment_lines", f"{self.comment_lines} comment lines were left out.")
        for place, plan in enumerate(plans):
            if count := self._null_words.get(place):
                message = f"{count} unquoted words for null (such as NULL or N/A) in column '{plan.name}' became null."
                warnings.add("null_words", message, column=plan.name, affected_rows=count)
            if mark := self._marks.get(place):
                self._warn_of_column(warnings, plan, mark)

    def _warn_of_column(self, warnings: Warnings, plan: ColumnPlan, mark: Mark) -> None:
        issue = plan.kind.issue or ""
        values = getattr(plan.kind, "values", "")
        what = _ISSUES.get(issue, f"values among {values} that are none, so it stays text")
        message = f"Column '{plan.name}' has {mark.count} {what} (the first in row {mark.row}: {shown(mark.value)})."
        warnings.add(issue, message, column=plan.name, affected_rows=mark.count)


def shown(text: str) -> str:
    """A value as a message shows it."""
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}...")
