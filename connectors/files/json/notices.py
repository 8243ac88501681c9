"""What the caller of a JSON conversion should know, said after a full reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors.files.json.decode import Decoder
from connectors.files.json.flatten import leaves
from connectors.files.json.layout import Layout
from connectors.files.json.rows import Rows
from connectors.files.json.shape import DEEPEST, MOST_FIELDS, Plan, Shape
from connectors.files.names import unique_names
from connectors.source import Warnings
from connectors.wording import counted

_MOST = 20  # warnings of one kind


def report(warnings: Warnings, layout: Layout, rows: Rows, plan: Plan, decoder: Decoder, *, flatten: bool) -> None:
    """Add a warning for everything that is not in the output the plain way."""
    _report_layout(warnings, layout)
    unique_names([name for name, _ in leaves(plan, flatten=flatten)], warnings)
    _report_kinds(warnings, rows)
    if decoder.repeated:
        keys = ", ".join(f"'{key}'" for key in decoder.repeated_keys)
        warnings.add(
            "duplicate_keys",
            f"{counted(decoder.repeated, 'key')} stood twice in one object ({keys}); the later values are kept under"
            " 'key (2)' and so on.",
        )
    if decoder.not_finite:
        warnings.add(
            "not_finite",
            f"{counted(decoder.not_finite, 'value')} of NaN or Infinity, which JSON lacks: kept.",
        )
    if rows.short:
        warnings.add(
            "ragged_arrays",
            f"{counted(rows.short, 'array')} with fewer items than others: what is missing is null.",
            affected_rows=rows.short,
        )


def _report_layout(warnings: Warnings, layout: Layout) -> None:
    beside = _listed(layout.left_out) or "nothing"
    if layout.key and layout.chosen:
        warnings.add(
            "records_are_members",
            f"The document is an object whose members are the rows; their keys are in the column '{layout.key}'."
            " To have the document as one row, set records_path to '$'.",
        )
    elif layout.chosen:
        warnings.add(
            "records_found_inside",
            f"The records are those of the array '{layout.path}' in the document; left out beside it: {beside}.",
        )
    elif layout.left_out:
        warnings.add("members_left_out", f"Beside records_path '{layout.path}' the document has {beside}; left out.")
    if layout.inside:
        warnings.add(
            "records_inside",
            f"The document is one record. To have the items of an array or the members of an object as rows, name it in"
            f" records_path: {_listed(layout.inside)}.",
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(f"'{name}'" for name in names[:_MOST]) + more


def _report_kinds(warnings: Warnings, rows: Rows) -> None:
    if len(rows.kinds) > 1:
        warnings.add(
            "mixed_records",
            f"Records are of several kinds ({_places(rows.kinds)}); all are kept as JSON text.",
        )
        return
    shapes = rows.objects.fields if "scalar" not in rows.kinds else {"value": rows.scalars}
    for number, (path, shape) in enumerate(_all_shapes(shapes)):
        text = _notice(shape)
        if text and number < _MOST * 50:
            warnings.add("mixed_types" if len(shape.kinds) > 1 else "kept_as_text", f"'{path}' {text}", column=path)


def _notice(shape: Shape) -> str | None:
    kind = shape.plan().kind
    if kind == "text" and len(shape.kinds) > 1:
        return f"holds several kinds of values ({_places(shape.kinds)}); all are kept as text, as written."
    if kind == "text":
        return "holds numbers beyond doubles and decimals of 38 digits; all are kept as text, as written."
    if kind == "json" and len(shape.kinds) > 1:
        return f"holds several kinds of values ({_places(shape.kinds)}); all are kept as JSON text."
    if kind == "json" and (shape.too_many_fields or shape.depth >= DEEPEST):
        return f"has over {MOST_FIELDS} keys or {DEEPEST} levels; it is kept as JSON text."
    return None


def _all_shapes(fields: dict[str, Shape], prefix: str = "") -> Iterator[tuple[str, Shape]]:
    for key, shape in fields.items():
        path = prefix + key
        yield path, shape
        if shape.plan().kind == "struct":
            yield from _all_shapes(shape.fields, f"{path}.")
        while shape.item is not None and shape.plan().kind == "list":
            shape, path = shape.item, f"{path}[]"  # noqa: PLW2901 - down the lists
            yield path, shape
            if shape.plan().kind == "struct":
                yield from _all_shapes(shape.fields, f"{path}.")


def _places(kinds: dict[str, int]) -> str:
    return ", ".join(f"{kind} first in record {record}" if record else kind for kind, record in kinds.items())
