"""Looking before converting: the tables that credentials lead to, their columns, the first rows."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import services as credentials
from connectors import tables
from conversions.api import browsing_documentation as doc
from conversions.api import submissions
from conversions.api.browsing_serializers import TableColumnSerializer, TableFilterSerializer, TablesSerializer
from conversions.api.database_serializers import PreviewDatabaseSerializer
from conversions.api.throttles import LimitedViewSet
from conversions.api.views import answer
from conversions.models import Scope


class TableViewSet(LimitedViewSet):
    """``/credentials/<id>/tables``: each request is a connection, and counted like a test of one."""

    scope = Scope.CONVERT
    rate = Scope.TEST
    counted = ("GET",)

    @extend_schema(**doc.LIST_TABLES)
    def list(self, request: Request, credentials_id: str) -> Response:
        """The first tables and views that the account may read, by name."""
        wanted = TableFilterSerializer(data=request.query_params.dict())
        wanted.is_valid(raise_exception=True)
        found = tables.list_tables(credentials_id, request.user, wanted.validated_data["search"])
        shown = {"tables": found, "count": len(found), "is_complete": len(found) < tables.MOST_TABLES}
        return Response(TablesSerializer(shown).data)

    @extend_schema(**doc.LIST_COLUMNS)
    def retrieve(self, request: Request, credentials_id: str, table_name: str) -> Response:
        """The columns of a table or view, in its own order."""
        found = tables.list_columns(credentials_id, request.user, table_name)
        return Response({"table_name": table_name, "columns": TableColumnSerializer(found, many=True).data})


class DatabasePreviewViewSet(LimitedViewSet):
    """``POST /preview/database``."""

    scope = Scope.INFER

    @extend_schema(**doc.PREVIEW_DATABASE)
    def create(self, request: Request) -> Response:
        """Read the first rows, and tell the declared types and how much the whole would be."""
        serializer = PreviewDatabaseSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        checked = serializer.validated_data
        credentials.check_use(checked["credentials_id"], request.user, checked["connector_type"])
        return answer(request, submissions.database_preview(checked, request))
