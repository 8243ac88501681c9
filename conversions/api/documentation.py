"""What OpenAPI says of each endpoint beside its serializers: answers, statuses, headers, examples."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from connectors.api.documentation import answer, errors
from conversions.api.answers import EventSerializer, JobSerializer
from conversions.api.database_serializers import ConvertDatabaseSerializer, TestConnectionSerializer
from conversions.api.openapi import response_header
from conversions.api.serializers import ConvertFileSerializer, InferSchemaSerializer, JobFilterSerializer

PREFER = OpenApiParameter(
    "Prefer",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="`respond-async`: answer 202 at once. `wait=N`: wait at most N seconds, then 202 (RFC 7240).",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The same key with the same request answers for the same job; with another request: 409.",
)

ASYNC = [
    PREFER,
    IDEMPOTENCY_KEY,
    response_header("Location", "Where the job is: `/jobs/<id>`.", 202),
    response_header("Preference-Applied", "What was done of `Prefer`.", 202),
]
OUTPUT = serializers.CharField(allow_null=True, help_text="Where the Parquet is, if the portal keeps it.")
_ANSWERED = errors(400, 401, 403, 405, 413, 415, 429, 500, 502, 503, 504)
_SIGNED = (
    "https://bucket.s3.eu-central-1.amazonaws.com/{}?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261001%2Feu-central-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20261001T120000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=733255ef022bec3f2a8701cd61d4b371f3f28c9f193a1f02279211d48d5193d7"
)

_FIELD = answer(
    "SchemaField",
    {
        "name": serializers.CharField(),
        "type": serializers.CharField(),
        "polars_type": serializers.CharField(),
        "source_type": serializers.CharField(allow_null=True),
        "nullable": serializers.BooleanField(),
        "fidelity": serializers.CharField(help_text="`exact`, or the form that was agreed to instead."),
    },
)
_COLUMN_SCHEMA = answer(
    "ColumnSchema", {"fields": serializers.ListField(child=_FIELD), "format": serializers.CharField()}
)
_RECEIPT = answer(
    "Receipt",
    {
        "bytes": serializers.IntegerField(),
        "sha256": serializers.CharField(allow_null=True, help_text="Null for several outputs: each has its own."),
        "etag": serializers.CharField(allow_null=True),
        "verified": serializers.CharField(help_text="How the store proved it: `md5`; `status`: it gives no checksum."),
        "rows": serializers.IntegerField(help_text="From the file's footer, read back before delivery."),
    },
)
_SOURCE = serializers.DictField(help_text="What was detected: format, encoding, delimiter, compression, bytes, sheet.")
_METADATA = answer(
    "FileConversionMetadata",
    {
        "rows": serializers.IntegerField(),
        "columns": serializers.IntegerField(),
        "column_schema": _COLUMN_SCHEMA,
        "file_size_mb": serializers.FloatField(),
        "processing_time_seconds": serializers.FloatField(),
        "source_type": serializers.CharField(),
        "rows_skipped": serializers.IntegerField(allow_null=True),
        "warnings": serializers.ListField(child=serializers.CharField(), allow_null=True),
        "row_groups": serializers.IntegerField(),
        "receipt": _RECEIPT,
        "source": _SOURCE,
        "rejects": serializers.CharField(allow_null=True, help_text="Where the rows that were left out are."),
    },
)
_CONVERTED = answer(
    "FileConversionAnswer",
    {
        "success": serializers.BooleanField(),
        "metadata": _METADATA,
        "error": serializers.CharField(allow_null=True),
        "job_id": serializers.UUIDField(),
        "output": OUTPUT,
    },
)
_COLUMN = answer(
    "InferredColumn",
    {
        "name": serializers.CharField(),
        "inferred_type": serializers.CharField(),
        "detected_format": serializers.CharField(allow_null=True),
        "nullable": serializers.BooleanField(),
        "null_count": serializers.IntegerField(),
        "unique_count": serializers.IntegerField(),
        "sample_values": serializers.ListField(child=serializers.JSONField()),
        "min_value": serializers.JSONField(allow_null=True),
        "max_value": serializers.JSONField(allow_null=True),
    },
)
INFERRED_FIELDS: dict[str, Any] = {
    "success": serializers.BooleanField(),
    "schema": answer(
        "InferredSchema",
        {
            "columns": serializers.ListField(child=_COLUMN),
            "total_rows": serializers.IntegerField(help_text="Of the sample."),
            "total_columns": serializers.IntegerField(),
            "file_size_bytes": serializers.IntegerField(allow_null=True, help_text="Null: no file."),
        },
    ),
    "sample_data": serializers.ListField(child=serializers.DictField()),
    "warnings": serializers.ListField(
        child=answer(
            "SchemaWarning",
            {
                "column": serializers.CharField(allow_null=True),
                "issue": serializers.CharField(),
                "message": serializers.CharField(),
                "affected_rows": serializers.IntegerField(allow_null=True),
            },
        )
    ),
    "source": _SOURCE,
    "job_id": serializers.UUIDField(),
}
_INFERRED = answer("SchemaAnswer", INFERRED_FIELDS)

_NOT_YET = OpenApiResponse(JobSerializer, "Not ended yet; `Location` says where to ask.")
CONVERT_FILE: dict[str, Any] = {
    "operation_id": "convert_file",
    "tags": ["convert"],
    "request": ConvertFileSerializer,
    "parameters": ASYNC,
    "responses": {200: _CONVERTED, 202: _NOT_YET, **_ANSWERED, **errors(404, 409)},
    "examples": [
        OpenApiExample(
            "A CSV file",
            request_only=True,
            value={
                "source_url": _SIGNED.format("flights.csv"),
                "output_url": _SIGNED.format("flights.parquet"),
                "format": "csv",
                "compression": "zstd",
            },
        )
    ],
}
_DATABASE_METADATA = answer(
    "DatabaseConversionMetadata",
    {
        "rows": serializers.IntegerField(),
        "columns": serializers.IntegerField(),
        "column_schema": _COLUMN_SCHEMA,
        "file_size_mb": serializers.FloatField(),
        "processing_time_seconds": serializers.FloatField(),
        "source_type": serializers.CharField(),
        "rows_skipped": serializers.IntegerField(allow_null=True),
        "warnings": serializers.ListField(child=serializers.CharField(), allow_null=True),
        "query_execution_time_ms": serializers.FloatField(allow_null=True),
        "connection_info": serializers.DictField(
            help_text="connector_type, query, partitioned, partitions, consistent_snapshot, compression."
        ),
        "row_groups": serializers.IntegerField(),
        "receipt": _RECEIPT,
    },
)
CONVERT_DATABASE: dict[str, Any] = {
    "operation_id": "convert_database",
    "tags": ["convert"],
    "request": ConvertDatabaseSerializer,
    "parameters": ASYNC,
    "responses": {
        200: answer(
            "DatabaseConversionAnswer",
            {
                "success": serializers.BooleanField(),
                "metadata": _DATABASE_METADATA,
                "error": serializers.CharField(allow_null=True),
                "job_id": serializers.UUIDField(),
                "output": OUTPUT,
            },
        ),
        202: _NOT_YET,
        **_ANSWERED,
        **errors(404, 409),
    },
}
TEST_CONNECTION: dict[str, Any] = {
    "operation_id": "test_database_connection",
    "tags": ["test"],
    "request": TestConnectionSerializer,
    "responses": {
        200: answer(
            "ConnectionSucceeded",
            {
                "success": serializers.BooleanField(),
                "message": serializers.CharField(),
                "metadata": answer(
                    "ConnectionFacts",
                    {
                        "database_type": serializers.CharField(),
                        "rows_returned": serializers.IntegerField(),
                        "server_version": serializers.CharField(),
                        "ssl": serializers.BooleanField(),
                        "latency_ms": serializers.FloatField(),
                        "read_only": serializers.BooleanField(),
                    },
                ),
            },
        ),
        **errors(401, 403, 405, 413, 415, 429, 500),
        400: OpenApiResponse(
            answer(
                "ConnectionFailed",
                {
                    "success": serializers.BooleanField(required=False),
                    "error": serializers.CharField(required=False),
                    "message": serializers.CharField(required=False),
                    "suggestions": serializers.ListField(child=serializers.CharField(), required=False),
                    "code": serializers.CharField(),
                    "detail": serializers.CharField(required=False),
                    "request_id": serializers.CharField(required=False),
                    "errors": serializers.DictField(required=False),
                },
            ),
            "The connection failed (`success` is false), or the request is malformed (the usual error).",
        ),
    },
}
LIST_CONNECTORS: dict[str, Any] = {
    "operation_id": "list_connectors",
    "tags": ["information"],
    "responses": {
        200: answer(
            "Connectors",
            {
                "connectors": serializers.ListField(child=serializers.CharField()),
                "count": serializers.IntegerField(),
            },
        ),
        **errors(401, 403),
    },
}
INFER_SCHEMA: dict[str, Any] = {
    "operation_id": "infer_schema",
    "tags": ["infer"],
    "request": InferSchemaSerializer,
    "parameters": ASYNC,
    "responses": {200: _INFERRED, 202: _NOT_YET, **_ANSWERED, **errors(404, 409)},
}
LIST_JOBS: dict[str, Any] = {
    "operation_id": "list_jobs",
    "tags": ["jobs"],
    "parameters": [JobFilterSerializer],
    "responses": {200: JobSerializer(many=True), **errors(400, 401, 403)},
}
SHOW_JOB: dict[str, Any] = {
    "operation_id": "show_job",
    "tags": ["jobs"],
    "responses": {200: JobSerializer, **errors(401, 403, 404)},
}
JOB_EVENTS: dict[str, Any] = {
    "operation_id": "list_job_events",
    "tags": ["jobs"],
    "responses": {
        200: answer("JobEvents", {"events": EventSerializer(many=True)}),
        **errors(401, 403, 404),
    },
}
SHOW_REJECTS: dict[str, Any] = {
    "operation_id": "show_rejects",
    "tags": ["jobs"],
    "responses": {(200, "application/x-ndjson"): OpenApiTypes.STR, **errors(401, 403, 404)},
}
CANCEL_JOB: dict[str, Any] = {
    "operation_id": "cancel_job",
    "tags": ["jobs"],
    "request": None,
    "responses": {202: JobSerializer, **errors(401, 403, 404, 409)},
}
RETRY_JOB: dict[str, Any] = {**CANCEL_JOB, "operation_id": "retry_job"}
