"""Health and information: what runs, what it can do, and every limit in force."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from redis.exceptions import RedisError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from connectors import services
from connectors.registry import FILE_FORMATS
from conversions import queue
from tundra_site import documentation as doc

SERVICE = "halatio-tundra"
_MIN_FREE_BYTES = 2**30


def healthy() -> JsonResponse:
    """This process answers. No I/O."""
    return JsonResponse({"status": "healthy", "service": SERVICE, "version": settings.VERSION})


class PublicView(APIView):
    """A view that anybody may see."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]


class RootView(PublicView):
    """``/``."""

    @extend_schema(**doc.ROOT)
    def get(self, request: Request) -> HttpResponse:
        """A browser is sent to the console, a program is told that the portal runs."""
        if "text/html" in request.headers.get("Accept", ""):
            return redirect(reverse("admin:index"))
        return JsonResponse({"status": "running", "service": SERVICE, "version": settings.VERSION})


class HealthView(PublicView):
    """``/health``."""

    @extend_schema(**doc.HEALTH)
    def get(self, request: Request) -> JsonResponse:
        """This process answers; nothing else is asked."""
        return healthy()


class DeepHealthView(PublicView):
    """``/health/deep``."""

    @extend_schema(**doc.DEEP_HEALTH)
    def get(self, request: Request) -> JsonResponse:
        """Every part the portal needs, each healthy or why not."""
        checks = {name: check() for name, check in CHECKS.items()}
        healthy = all(verdict == "healthy" for verdict in checks.values())
        return JsonResponse(
            {
                "status": "healthy" if healthy else "degraded",
                "service": SERVICE,
                "version": settings.VERSION,
                "checks": checks,
            },
            status=200 if healthy else 503,
        )


class InfoView(PublicView):
    """``/info``."""

    @extend_schema(**doc.INFO)
    def get(self, request: Request) -> JsonResponse:
        """Capabilities and the limits in force."""
        tundra = settings.TUNDRA
        return JsonResponse(
            {
                "service": SERVICE,
                "version": settings.VERSION,
                "capabilities": {
                    "file_formats": list(FILE_FORMATS),
                    "output_format": "parquet",
                    "max_file_size_mb": tundra.MAX_FILE_SIZE_MB,
                    "supported_sources": ["file", "database"],
                    "database_connectors": services.enabled_connectors(),
                },
                "limits": {
                    "max_processing_time_minutes": tundra.MAX_PROCESSING_TIME_MINUTES,
                    "max_memory_usage_gb": tundra.MAX_MEMORY_USAGE_GB,
                    "max_rows_processed": tundra.MAX_ROWS_PROCESSED,
                    "max_partitions": tundra.MAX_PARTITIONS,
                },
                "features": [
                    "file_conversion",
                    "database_conversion",
                    "schema_inference",
                    "connection_test",
                    "jobs",
                    "async",
                    "uploads",
                    *(["kept_outputs"] if tundra.KEEP_OUTPUTS else []),
                ],
            }
        )


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return f"unhealthy: the portal's database does not answer ({type(error).__name__})"
    return "healthy"


def _queue() -> str:
    try:
        workers = queue.live_workers()
    except RedisError as error:
        return f"unhealthy: the broker does not answer ({type(error).__name__})"
    return "healthy" if workers else "unhealthy: no queue worker is alive; start manage.py workers"


def _storage_space() -> str:
    free = shutil.disk_usage(settings.DATA_DIR).free
    if free < _MIN_FREE_BYTES:
        return f"unhealthy: only {free // 2**20} MB are free under TUNDRA_DATA_DIR"
    return "healthy"


CHECKS: dict[str, Callable[[], str]] = {
    "secret_manager": services.check_store,
    "database": _database,
    "queue": _queue,
    "storage_space": _storage_space,
}
