"""Requests about databases: shape, table names and statements. No I/O happens here."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connectors.databases.credentials import Credentials
from connectors.databases.request import DatabaseRequest
from connectors.services import enabled_connectors
from conversions.api.serializers import (
    OUTPUT_HELP,
    OutputSerializer,
    SignedUrlField,
    StrictSerializer,
    WebhookSerializer,
)


class ConnectorTypeField(serializers.CharField):
    """A connector that is switched on."""

    def to_internal_value(self, data: Any) -> str:
        """Refuse others by naming those there are."""
        name = super().to_internal_value(data)
        if name not in enabled_connectors():
            raise serializers.ValidationError(f"'{name}' is not one of {', '.join(enabled_connectors())}.")
        return name


@extend_schema_field({"oneOf": [{"type": "integer", "minimum": 1}, {"type": "string", "enum": ["auto"]}]})
class PartitionNumField(serializers.JSONField):
    """How many connections read at once, or ``auto``. ``DatabaseRequest`` checks the bounds."""


class DatabaseOptionsSerializer(StrictSerializer):
    """What becomes of values without an exact form in Parquet, and the Parquet file."""

    numeric = serializers.ChoiceField(choices=["auto", "text", "float"], required=False)
    infinite_dates = serializers.ChoiceField(choices=["text", "null", "fail"], required=False)
    zero_dates = serializers.ChoiceField(choices=["text", "null", "fail"], required=False)
    long_times = serializers.ChoiceField(choices=["text", "null", "fail"], required=False)
    row_group_size = serializers.IntegerField(min_value=1, max_value=10_000_000, required=False)
    compression_level = serializers.IntegerField(min_value=1, max_value=22, required=False)


class DatabaseSourceSerializer(StrictSerializer):
    """What is to be read: what conversion and preview share."""

    exactly_one_of = ("query", "table_name")
    connector_type = ConnectorTypeField(help_text="`postgresql`, `mysql`, or another one that is switched on.")
    credentials_id = serializers.CharField(max_length=255, help_text="What the credentials are called.")
    query = serializers.CharField(required=False, trim_whitespace=False, max_length=1_000_000)
    table_name = serializers.CharField(required=False, trim_whitespace=False, max_length=1000)
    columns = serializers.ListField(child=serializers.CharField(trim_whitespace=False), required=False)
    partition_column = serializers.CharField(required=False, trim_whitespace=False, max_length=1000)
    partition_num = PartitionNumField(required=False, help_text="1 to MAX_PARTITIONS, or `auto`; 4 by default.")
    options = DatabaseOptionsSerializer(default=dict)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one of query and table_name, a legal table name, one statement that only reads."""
        checked: dict[str, Any] = super().validate(attrs)
        DatabaseRequest.parse(checked, settings.TUNDRA.MAX_PARTITIONS)
        return checked


class DatabaseRequestSerializer(DatabaseSourceSerializer, OutputSerializer):
    """``POST /convert/database`` without its URL: what API and command share."""


class PreviewDatabaseSerializer(WebhookSerializer, DatabaseSourceSerializer):
    """``POST /preview/database``."""

    sample_size = serializers.IntegerField(min_value=1, max_value=10_000, default=50)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Options about writing change nothing here, but a conversion's options are accepted as they are."""
        attrs["row_group_size"] = attrs["options"].pop("row_group_size", settings.TUNDRA.PARQUET_ROW_GROUP_SIZE)
        attrs["options"].pop("compression_level", None)
        return super().validate(attrs)


class ConvertDatabaseSerializer(WebhookSerializer, DatabaseRequestSerializer):
    """``POST /convert/database``."""

    output_url = SignedUrlField(required=False, help_text=OUTPUT_HELP)


class DatabaseCredentialsSerializer(StrictSerializer):
    """Where a database is and who asks. ``Credentials`` checks the values; none is ever repeated."""

    host = serializers.CharField(required=False)
    port = serializers.IntegerField(required=False, min_value=1, max_value=65535)
    database = serializers.CharField(trim_whitespace=False)
    username = serializers.CharField(required=False, trim_whitespace=False)
    password = serializers.CharField(required=False, trim_whitespace=False, allow_blank=True)
    ssl_mode = serializers.ChoiceField(
        choices=["disable", "prefer", "require", "verify-ca", "verify-full"], required=False
    )
    ssl_root_cert = serializers.CharField(required=False, trim_whitespace=False, help_text="PEM")


class TestConnectionSerializer(StrictSerializer):
    """``POST /test/database-connection``."""

    connector_type = ConnectorTypeField(help_text="`postgresql`, `mysql`, or another one that is switched on.")
    credentials = DatabaseCredentialsSerializer()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What each connector needs."""
        Credentials.parse(attrs["connector_type"], attrs["credentials"])
        return attrs
