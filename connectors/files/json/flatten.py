"""Nested objects as columns with dotted names; lists stay lists."""

from __future__ import annotations

from typing import Any

from connectors.files.json.shape import Plan


def leaves(plan: Plan, *, flatten: bool, prefix: str = "") -> list[tuple[str, Plan]]:
    """The columns of a struct plan in order, with their names."""
    found: list[tuple[str, Plan]] = []
    for key, child in plan.children:
        if flatten and child.kind == "struct":
            found += leaves(child, flatten=True, prefix=f"{prefix}{key}.")
        else:
            found.append((prefix + key, child))
    return found


def leaf_arrays(rows: Any, plan: Plan, *, flatten: bool) -> list[Any]:
    """The arrays of those columns; where an object is null, so is all that was in it."""
    found: list[Any] = []
    for array, (_, child) in zip(rows.flatten(), plan.children, strict=True):
        found += leaf_arrays(array, child, flatten=True) if flatten and child.kind == "struct" else [array]
    return found
