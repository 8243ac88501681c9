"""``GET /metrics``: the portal's figures for Prometheus."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.utils.crypto import constant_time_compare
from drf_spectacular.utils import extend_schema
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from conversions.metrics import JobCollector
from tundra_site import documentation as doc
from tundra_site.health import PublicView

_registry = CollectorRegistry(auto_describe=False)
_registry.register(JobCollector())


class MetricsView(PublicView):
    """``/metrics``."""

    @extend_schema(**doc.METRICS)
    def get(self, request: Request) -> HttpResponse:
        """Prometheus text for whoever has ``METRICS_TOKEN``; without one, only in ``ENV=dev``."""
        token = settings.TUNDRA.METRICS_TOKEN
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        allowed = constant_time_compare(given, token) if token else settings.TUNDRA.IS_DEV
        if not allowed:
            raise NotAuthenticated(
                "Metrics are for those who send 'Authorization: Bearer' with the portal's METRICS_TOKEN."
            )
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return HttpResponse(encode(_registry), content_type=content_type)

    def get_authenticate_header(self, request: Request) -> str:
        """How a 401 says what to send."""
        return "Bearer"
