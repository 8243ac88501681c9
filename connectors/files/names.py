"""Column names that a Parquet file can carry: none empty, none twice."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.source import Warnings
from connectors.wording import counted, were


def unique_names(names: Sequence[str], warnings: Warnings) -> list[str]:
    """The names in order; an empty one becomes ``column_<place from 1>``, one seen before gets ``_2``, ``_3`` ...

    What was renamed is said in one warning for each kind.
    """
    taken, seen, result = set(names), set[str](), list[str]()
    next_number: dict[str, int] = {}
    for position, name in enumerate(names, 1):
        wanted = name or f"column_{position}"
        chosen = wanted
        while chosen in seen or (chosen != name and chosen in taken):
            next_number[wanted] = next_number.get(wanted, 1) + 1
            chosen = f"{wanted}_{next_number[wanted]}"
        seen.add(chosen)
        result.append(chosen)
    _report(names, result, warnings)
    return result


def _report(names: Sequence[str], result: Sequence[str], warnings: Warnings) -> None:
    empty = [new for old, new in zip(names, result, strict=True) if not old]
    repeated = [f"'{old}' became '{new}'" for old, new in zip(names, result, strict=True) if old and old != new]
    if empty:
        warnings.add(
            "empty_column_names",
            f"{counted(len(empty), 'column')} had no name and {were(len(empty))} called {_first(empty)}.",
        )
    if repeated:
        warnings.add(
            "duplicate_column_names",
            f"{counted(len(repeated), 'column name')} {were(len(repeated))} not unique: {_first(repeated)}.",
        )


def _first(texts: Sequence[str]) -> str:
    return ", ".join(texts[:5]) + (" ..." if len(texts) > 5 else "")
