"""What OpenAPI says of health, information and metrics."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from connectors.api.documentation import answer, errors

_TEXT = serializers.CharField
_NUMBER = serializers.FloatField
_WHO = {"status": _TEXT(), "service": _TEXT(), "version": _TEXT()}
_PUBLIC: dict[str, Any] = {"tags": ["information"], "auth": []}
_CHECKS = answer(
    "HealthChecks",
    {
        name: _TEXT(help_text="`healthy`, or `unhealthy: ` and why.")
        for name in ("secret_manager", "database", "queue", "storage_space")
    },
)
_DEEP = answer("DeepHealth", {**_WHO, "checks": _CHECKS})
ROOT: dict[str, Any] = {
    **_PUBLIC,
    "operation_id": "show_service",
    "responses": {
        200: answer("Service", _WHO),
        302: OpenApiResponse(description="For a browser: the console."),
    },
}
HEALTH: dict[str, Any] = {**_PUBLIC, "operation_id": "show_health", "responses": {200: answer("Health", _WHO)}}
DEEP_HEALTH: dict[str, Any] = {
    **_PUBLIC,
    "operation_id": "show_deep_health",
    "responses": {200: _DEEP, 503: OpenApiResponse(_DEEP, "Something that the portal needs is not healthy.")},
}
INFO: dict[str, Any] = {
    **_PUBLIC,
    "operation_id": "show_info",
    "responses": {
        200: answer(
            "Information",
            {
                "service": _TEXT(),
                "version": _TEXT(),
                "capabilities": answer(
                    "Capabilities",
                    {
                        "file_formats": serializers.ListField(child=_TEXT()),
                        "output_format": _TEXT(),
                        "max_file_size_mb": _NUMBER(),
                        "supported_sources": serializers.ListField(child=_TEXT()),
                        "database_connectors": serializers.ListField(child=_TEXT()),
                    },
                ),
                "limits": answer(
                    "Limits",
                    {
                        "max_processing_time_minutes": _NUMBER(),
                        "max_memory_usage_gb": _NUMBER(),
                        "max_rows_processed": serializers.IntegerField(allow_null=True),
                        "max_partitions": serializers.IntegerField(),
                    },
                ),
                "features": serializers.ListField(child=_TEXT()),
            },
        )
    },
}
METRICS: dict[str, Any] = {
    **_PUBLIC,
    "operation_id": "show_metrics",
    "responses": {(200, "text/plain"): OpenApiTypes.STR, **errors(401)},
}
