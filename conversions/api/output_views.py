"""``/jobs/<id>/output``: the Parquet that the portal keeps, and links to it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import events
from conversions import outputs
from conversions.api import ranges
from conversions.api import storage_documentation as doc
from conversions.api.permissions import visible_jobs
from conversions.api.serializers import LinkSerializer, SheetSerializer
from conversions.models import ConversionJob, Scope


class OutputViewSet(viewsets.GenericViewSet[ConversionJob]):
    """``/jobs/<id>/output``."""

    scope = Scope.READ
    queryset = ConversionJob.objects.none()

    def get_queryset(self) -> Any:
        """The caller's jobs."""
        return visible_jobs(self.request)

    @extend_schema(**doc.SHOW_OUTPUT)
    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """The Parquet, or a part of it."""
        wanted = SheetSerializer(data=request.query_params.dict())
        wanted.is_valid(raise_exception=True)
        return download(request, self.get_object(), wanted.validated_data.get("sheet"))

    @extend_schema(**doc.LINK_OUTPUT)
    def link(self, request: Request, pk: str) -> Response:
        """An address that works without a key until it expires."""
        serializer = LinkSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        url, expires_at = outputs.link(self.get_object(), given["expires_in"], given.get("sheet"))
        return Response({"url": request.build_absolute_uri(url), "expires_at": expires_at}, status=201)


class LinkedOutputViewSet(viewsets.ViewSet):
    """``/outputs/<token>``: the link is the permission."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    @extend_schema(**doc.SHOW_LINKED_OUTPUT)
    def retrieve(self, request: Request, token: str) -> HttpResponseBase:
        """The Parquet, or a part of it."""
        return download(request, *outputs.linked(token))


def download(request: Request, job: ConversionJob, sheet: str | None = None) -> HttpResponseBase:
    """A job's Parquet as an HTTP answer: whole, a range, unchanged (304), or only its head.

    Raises:
        ConversionError: there is none, it is no longer kept, or the range is outside.
    """
    output = outputs.of(job, sheet)
    etag = f'"{output.sha256}"'
    unchanged = get_conditional_response(request._request, etag=etag)
    if unchanged is not None:
        return unchanged
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Content-Disposition": content_disposition_header(as_attachment=True, filename=output.filename),
    }
    if request.method == "HEAD":
        return HttpResponse(content_type=doc.PARQUET, headers={**headers, "Content-Length": str(output.bytes)})
    part = ranges.asked_for(request._request, output.bytes, etag)
    start, length = part or (0, output.bytes)
    if part:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{output.bytes}"
    content = output.read(start, length)
    if start == 0:
        events.record(job.subject, "downloaded", bytes=length)
    headers["Content-Length"] = str(length)
    return StreamingHttpResponse(content, status=206 if part else 200, content_type=doc.PARQUET, headers=headers)
