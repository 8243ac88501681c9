"""The database endpoints: convert, test a connection, list the connectors."""

from __future__ import annotations

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import services as credentials
from connectors.databases.failures import SUGGESTIONS
from connectors.errors import ConversionError
from conversions.api import documentation as doc
from conversions.api import submissions
from conversions.api.database_serializers import ConvertDatabaseSerializer, TestConnectionSerializer
from conversions.api.throttles import LimitedViewSet
from conversions.api.views import answer
from conversions.models import Scope


class DatabaseConversionViewSet(LimitedViewSet):
    """``POST /convert/database``."""

    scope = Scope.CONVERT

    @extend_schema(**doc.CONVERT_DATABASE)
    def create(self, request: Request) -> Response:
        """Read a table or query into Parquet and deliver it to the signed URL."""
        serializer = ConvertDatabaseSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        checked = serializer.validated_data
        credentials.check_use(checked["credentials_id"], request.user, checked["connector_type"])
        return answer(request, submissions.database_conversion(checked, request))


class ConnectionTestViewSet(LimitedViewSet):
    """``POST /test/database-connection``."""

    scope = Scope.TEST

    @extend_schema(**doc.TEST_CONNECTION)
    def create(self, request: Request) -> Response:
        """Connect once with the given credentials and say what is there. They are kept nowhere."""
        serializer = TestConnectionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        checked = serializer.validated_data
        try:
            facts = credentials.try_connection(checked["connector_type"], checked["credentials"])
        except ConversionError as error:
            return Response(_failed(error), status=400)
        return Response({"success": True, "message": "Connection successful", "metadata": asdict(facts)})


class ConnectorViewSet(viewsets.ViewSet):
    """``GET /connectors``."""

    @extend_schema(**doc.LIST_CONNECTORS)
    def retrieve(self, request: Request) -> Response:
        """The database connectors that are switched on."""
        names = credentials.enabled_connectors()
        return Response({"connectors": names, "count": len(names)})


def _failed(error: ConversionError) -> dict[str, object]:
    """A failed test as v3 answered it, with the code and what may help."""
    return {
        "success": False,
        "error": "connection_failed",
        "message": error.message,
        "code": error.code,
        "suggestions": list(SUGGESTIONS.get(error.code, ())),
    }
