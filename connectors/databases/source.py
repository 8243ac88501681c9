"""A database result as a Source: restored batch by batch, and surveyed once where a value did not fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from connectors.databases.columns import ColumnPlan, is_careful
from connectors.databases.failures import Undecodable, data_changed
from connectors.databases.restore import Misfit
from connectors.source import Column, Context, SchemaChanged, schema_of
from connectors.wording import counted

Restored = tuple[pa.RecordBatch, Counter[str]]
Restorer = Callable[[pa.RecordBatch], Any]
Read = Callable[[Sequence[ColumnPlan], Callable[[pa.RecordBatch], Any]], Iterator[Any]]


class DatabaseSource:
    """One opened table or query.

    Args:
        plans: one for each column.
        read: yields, for plans, what a function makes of each arriving batch; raises ConversionError, or Undecodable.
        facts: kept by reference: a reader may complete them.
    """

    rows_rejected = 0

    def __init__(
        self,
        plans: Sequence[ColumnPlan],
        read: Read,
        context: Context,
        *,
        total_rows: int | None,
        facts: Mapping[str, Any],
    ) -> None:
        self._plans = list(plans)
        self._read = read
        self._context = context
        self.total_rows = total_rows
        self.facts = facts

    @property
    def columns(self) -> list[Column]:
        """The type ledger."""
        return [plan.column for plan in self._plans]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """See ``connectors.source.Source.batches``."""
        altered: Counter[str] = Counter()
        try:
            for batch, changed in self._read(self._plans, self._restored):
                altered += changed
                yield from _sliced(batch, self._context.batch_rows)
        except (Misfit, Undecodable) as problem:
            self._survey(problem)
            raise SchemaChanged from None
        self._warn(altered)

    def _restored(self, batch: pa.RecordBatch) -> Restored:
        altered: Counter[str] = Counter()
        arrays = []
        for plan, values in zip(self._plans, batch.columns, strict=True):
            arrays.append(plan.take(values))
            count = plan.choices[0].altered
            if count is not None:
                altered[plan.name] += count(values, arrays[-1])
        return pa.RecordBatch.from_arrays(arrays, schema=schema_of(self.columns)), altered

    def _survey(self, problem: Exception) -> None:
        """Learn from all rows, in careful form, which type of each column holds all its values."""
        if is_careful(self._plans) and all(len(plan.choices) == 1 for plan in self._plans):
            raise data_changed("a value came that was not there when all were looked at for their types") from problem
        plans = [plan.in_careful_form() for plan in self._plans]
        for batch in self._read(plans, lambda raw: raw):
            plans = [plan.narrowed(values) for plan, values in zip(plans, batch.columns, strict=True)]
        self._plans = [plan.settled() for plan in plans]

    def _warn(self, altered: Counter[str]) -> None:
        fidelity = {plan.name: plan.column.fidelity for plan in self._plans}
        for name, count in altered.items():
            if count:
                self._context.warnings.add(
                    "altered_values",
                    f"Column '{name}' has {counted(count, 'value')} that could not be kept exactly ({fidelity[name]}).",
                    column=name,
                    affected_rows=count,
                )


def _sliced(batch: pa.RecordBatch, rows: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)
