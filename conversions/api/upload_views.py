"""``/uploads``: files handed to the portal."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from conversions import uploads
from conversions.api import storage_documentation as doc
from conversions.api.permissions import OPERATE, SEE_VALUES, visible_uploads
from conversions.api.serializers import UploadFileSerializer
from conversions.api.throttles import LimitedViewSet
from conversions.api.uploading import BoundedHandler
from conversions.models import Scope, Upload


class UploadSerializer(serializers.ModelSerializer[Upload]):
    """An upload as callers see it."""

    upload_id = serializers.UUIDField(source="id", read_only=True)

    class Meta:
        """The public fields."""

        model = Upload
        fields = ("upload_id", "filename", "bytes", "sha256", "expires_at")
        read_only_fields = fields


class UploadViewSet(LimitedViewSet):
    """``/uploads``."""

    scope = Scope.CONVERT
    parser_classes = [MultiPartParser]

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Whoever reads the body first, be it the check of the console's CSRF token, reads it by our rules."""
        request.upload_handlers = [BoundedHandler(request)]
        return super().initialize_request(request, *args, **kwargs)

    @extend_schema(**doc.UPLOAD)
    def create(self, request: Request) -> Response:
        """Keep a file for conversions to come."""
        serializer = UploadFileSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        file = serializer.validated_data["file"]
        with file:
            upload = uploads.keep(file, file.sha256, request.user if request.user.is_authenticated else None)
        return Response(UploadSerializer(upload).data, status=201, headers={"Location": f"/uploads/{upload.pk}"})

    @extend_schema(**doc.SHOW_UPLOAD)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One upload."""
        return Response(UploadSerializer(_find(request, pk)).data)

    @extend_schema(**doc.REMOVE_UPLOAD)
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove an upload that no waiting or running job needs."""
        uploads.remove(_find(request, pk, OPERATE))
        return Response(status=204)


def _find(request: Request, pk: str, needed: str = SEE_VALUES) -> Upload:
    upload = visible_uploads(request, needed).filter(pk=pk).first()
    if upload is None:
        raise uploads.gone()
    return upload
