"""Types that differ in memory only: Arrow can hardly compute with views, and in Parquet they are all the same."""

from __future__ import annotations

import pyarrow as pa


def usual_layout(kind: pa.DataType) -> pa.DataType:
    """The type with ordinary texts, bytes and lists in place of views, at any depth."""
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_struct(kind):
        return pa.struct([_inner(field) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_inner(kind.key_field), _inner(kind.item_field), keys_sorted=kind.keys_sorted)
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_inner(kind.value_field), kind.list_size)
    if pa.types.is_large_list(kind) or pa.types.is_large_list_view(kind):
        return pa.large_list(_inner(kind.value_field))
    if pa.types.is_list(kind) or pa.types.is_list_view(kind):
        return pa.list_(_inner(kind.value_field))
    return kind


def _inner(field: pa.Field) -> pa.Field:
    return field.with_type(usual_layout(field.type))
