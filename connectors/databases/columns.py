"""The column plan: what each column travels as, and how its Arrow type is restored exactly.

A plan is optimistic: it takes the natural type and the fastest way. A value that does not fit sends the source over all
rows once more, in careful form (text that holds everything), to learn which type of each column holds all its values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from connectors.databases.restore import Misfit, Restore, cast_to
from connectors.errors import ConversionError
from connectors.source import Column

Count = Callable[[pa.Array, pa.Array], int]


@dataclass(frozen=True, slots=True)
class Choice:
    """One type a column may get.

    Attributes:
        restore: from what travels (in either form) to ``kind``.
        fidelity: for the type ledger.
        altered: how many values are not what they were (from what arrived and what was restored); None: never any.
        refuses: this choice stands for ``fail``: its sentence, for a column with misfits.
    """

    kind: pa.DataType
    restore: Restore
    fidelity: str = "exact"
    altered: Count | None = None
    refuses: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """How one column gets from the server into a batch.

    Attributes:
        travels: the SQL expression selected; ``{}`` stands for the column's quoted name.
        careful: the same in a form that carries every value the column can have.
        choices: the types in order of preference; the last one holds anything.
    """

    name: str
    source_type: str
    nullable: bool
    travels: str
    careful: str
    choices: tuple[Choice, ...]

    @property
    def column(self) -> Column:
        """The line of the type ledger."""
        first = self.choices[0]
        # A policy may put nulls where the table promises none.
        nullable = self.nullable or first.altered is not None
        return Column(self.name, first.kind, nullable, self.source_type, first.fidelity)

    def take(self, values: pa.Array) -> pa.Array:
        """What arrived, restored to the ledger's type.

        Raises:
            Misfit: a value does not fit.
            ConversionError: it does not, and the caller wants the conversion to fail then.
        """
        return self._restored(self.choices[0], values)

    def _restored(self, choice: Choice, values: pa.Array) -> pa.Array:
        if choice.refuses is not None:
            raise ConversionError(f"Column '{self.name}' {choice.refuses}.", code="value_out_of_range", http_status=400)
        restored = choice.restore(values)
        if restored.type != choice.kind:
            restored = restored.cast(choice.kind)
        if choice.altered is None and restored.null_count != values.null_count:
            raise Misfit
        return restored

    def narrowed(self, values: pa.Array) -> ColumnPlan:
        """This plan without the choices that cannot hold these values."""
        if len(self.choices) == 1:
            return self
        return replace(self, choices=tuple(choice for choice in self.choices if self._holds(choice, values)))

    def _holds(self, choice: Choice, values: pa.Array) -> bool:
        if choice.refuses is not None:
            return True
        try:
            self._restored(choice, values)
        except Misfit:
            return False
        return True

    def in_careful_form(self) -> ColumnPlan:
        """The plan for reading any value."""
        return replace(self, travels=self.careful)

    def settled(self) -> ColumnPlan:
        """The plan with the first choice that is left."""
        return replace(self, choices=self.choices[:1])


def text_choice(source_type: str) -> Choice:
    """The server's own text: it holds anything."""
    return Choice(pa.string(), cast_to(pa.string()), f"text form of {source_type}")


def is_careful(plans: Sequence[ColumnPlan]) -> bool:
    """Whether every column already travels in its careful form."""
    return all(plan.travels == plan.careful for plan in plans)


def nulled(before: pa.Array, after: pa.Array) -> int:
    """How many values became null."""
    return int(after.null_count - before.null_count)


def rounded(before: pa.Array, _after: pa.Array) -> int:
    """How many decimal texts have more digits than a double surely keeps, or are no number."""
    digits = pc.replace_substring_regex(before, r"^-?0*\.?0*|\.|0+$", "")
    return int(pc.sum(pc.greater(pc.utf8_length(digits), 15)).as_py() or 0)
