"""What OpenAPI says of looking into databases beside the serializers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from connectors.api.documentation import answer, errors
from connectors.secrets.store import ID_PATTERN
from conversions.api.browsing_serializers import TableColumnSerializer, TableFilterSerializer, TablesSerializer
from conversions.api.database_serializers import PreviewDatabaseSerializer
from conversions.api.documentation import INFER_SCHEMA, INFERRED_FIELDS

_CREDENTIALS_ID = OpenApiParameter(
    "credentials_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="What they are called.", pattern=ID_PATTERN
)
_LOOKED = errors(400, 401, 403, 404, 405, 429, 500, 502)
LIST_TABLES: dict[str, Any] = {
    "operation_id": "list_tables",
    "tags": ["credentials"],
    "parameters": [_CREDENTIALS_ID, TableFilterSerializer],
    "responses": {
        200: TablesSerializer,
        **_LOOKED,
    },
}
LIST_COLUMNS: dict[str, Any] = {
    "operation_id": "list_columns",
    "tags": ["credentials"],
    "parameters": [_CREDENTIALS_ID],
    "responses": {
        200: answer(
            "TableColumns", {"table_name": serializers.CharField(), "columns": TableColumnSerializer(many=True)}
        ),
        **_LOOKED,
    },
}
PREVIEW_DATABASE: dict[str, Any] = {
    **INFER_SCHEMA,
    "operation_id": "preview_database",
    "request": PreviewDatabaseSerializer,
    "responses": {
        **INFER_SCHEMA["responses"],
        200: answer(
            "PreviewAnswer",
            {
                **INFERRED_FIELDS,
                "estimate": answer(
                    "Estimate",
                    {
                        "rows": serializers.IntegerField(allow_null=True),
                        "bytes": serializers.IntegerField(allow_null=True, help_text="As the server holds them."),
                    },
                ),
            },
        ),
    },
}
