"""Requests are checked without asking the database."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.databases.request import DatabaseRequest, Policies, parse_table_name
from connectors.errors import InvalidRequest


def parse(**fields: Any) -> DatabaseRequest:
    return DatabaseRequest.parse({"connector_type": "postgresql", **fields}, max_partitions=16)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("orders", ("orders",)),
        ("public.Orders", ("public", "Orders")),
        ("shop.public.order", ("shop", "public", "order")),
        ("_1", ("_1",)),
        ("2024", ("2024",)),
    ],
)
def test_a_table_name_has_one_to_three_parts(name: str, parts: tuple[str, ...]) -> None:
    assert parse_table_name(name) == parts
    assert parse(table_name=name).description == name


@pytest.mark.parametrize(
    "name",
    [
        "orders\n", "orders ", " orders", "orders;", "orders--", 'o"rders', "a.b.c.d", "a..b", ".a", "a.", ".", "",
        "bestellungen_für", "٣", "a-b", "a/b", "a b", "a`b", "a\0b", "DROP TABLE x",
    ],
)  # fmt: skip
def test_any_other_table_name_is_refused_in_the_contracts_words(name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(table_name=name)
    assert caught.value.message == (
        f"Invalid table name: '{name}'. Table names must contain only alphanumeric characters, underscores, and dots."
    )
    assert "table_name" in caught.value.errors


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "query"),
        ({"query": "SELECT 1", "table_name": "t"}, "query"),
        ({"query": "SELECT 1", "columns": ["a"]}, "columns"),
        ({"table_name": "t", "columns": []}, "columns"),
        ({"table_name": "t", "columns": "a"}, "columns"),
        ({"table_name": "t", "columns": ["a", "a"]}, "columns"),
        ({"table_name": "t", "columns": ["a", 1]}, "columns"),
        ({"table_name": "t", "partition_num": 0}, "partition_num"),
        ({"table_name": "t", "partition_num": 17}, "partition_num"),
        ({"table_name": "t", "partition_num": True}, "partition_num"),
        ({"table_name": "t", "partition_num": 2.0}, "partition_num"),
        ({"table_name": "t", "partition_num": "many"}, "partition_num"),
        ({"table_name": "t", "partition_column": ""}, "partition_column"),
        ({"table_name": "t", "partition_column": 7}, "partition_column"),
        ({"table_name": "t", "options": {"numerics": "text"}}, "options"),
        ({"table_name": "t", "options": {"numeric": "int"}}, "options"),
        ({"table_name": "t", "options": {"zero_dates": None}}, "options"),
        ({"table_name": "t", "options": {"zero_dates": ["null"]}}, "options"),
    ],
)
def test_a_contradictory_or_malformed_field_is_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(**fields)
    assert field in caught.value.errors
    assert caught.value.http_status == 400


def test_the_defaults_are_the_contracts() -> None:
    request = parse(table_name="t")
    assert (request.partition_num, request.partition_column, request.columns) == (4, None, None)
    assert request.policies == Policies()
    assert parse(table_name="t", partition_num="auto").partition_num == "auto"


def test_a_small_portal_has_a_small_default() -> None:
    small = DatabaseRequest.parse({"connector_type": "mysql", "table_name": "t"}, max_partitions=2)
    assert small.partition_num == 2


def test_a_query_is_checked_in_the_dialect_of_its_connector() -> None:
    assert parse(query="SELECT 1 -- done\n;").description.startswith("SELECT 1")
    with pytest.raises(InvalidRequest, match="DROP"):
        parse(query="DROP TABLE t")
