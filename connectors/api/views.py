"""``GET /credentials``."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import services
from connectors.api.documentation import errors
from connectors.api.serializers import CredentialListSerializer
from connectors.errors import InvalidRequest


class CredentialViewSet(viewsets.ViewSet):
    """References to credentials."""

    @extend_schema(
        operation_id="list_credentials",
        tags=["credentials"],
        responses={
            200: CredentialListSerializer,
            **errors(400, 401, 403, 405),
        },
    )
    def list(self, request: Request) -> Response:
        """The credentials that the caller may name as ``credentials_id``, by name."""
        if request.query_params:
            raise InvalidRequest(f"Unknown parameter '{next(iter(request.query_params))}': there are none.")
        found = list(services.usable_by(request.user))
        return Response(CredentialListSerializer({"credentials": found, "count": len(found)}).data)
