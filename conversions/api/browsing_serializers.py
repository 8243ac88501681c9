"""What is asked and answered about tables and columns."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from conversions.api.serializers import StrictSerializer


class TableFilterSerializer(StrictSerializer):
    """The query of ``GET /credentials/<id>/tables``."""

    search = serializers.CharField(
        default="", allow_blank=True, max_length=200, help_text="Part of `schema.table`, in any case."
    )


class TableSerializer(serializers.Serializer[Any]):
    """A table or view that the account may read."""

    schema = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=["table", "view"])
    rows = serializers.IntegerField(allow_null=True, help_text="The server's estimate, if it has one.")
    table_name = serializers.CharField(
        allow_null=True, help_text="What requests call it; null: its name needs a query, quoted there."
    )


@extend_schema_serializer(many=False)  # one object, though the action is called list
class TablesSerializer(serializers.Serializer[Any]):
    """The answer of ``GET /credentials/<id>/tables``."""

    tables = TableSerializer(many=True)
    count = serializers.IntegerField()
    is_complete = serializers.BooleanField(help_text="If false, there are more: search for them.")


class TableColumnSerializer(serializers.Serializer[Any]):
    """A column as its table declares it."""

    name = serializers.CharField()
    type = serializers.CharField(allow_blank=True, help_text="In the database's own words.")
    nullable = serializers.BooleanField()
    is_key = serializers.BooleanField(help_text="Whether it belongs to the primary key.")
