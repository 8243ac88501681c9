"""What OpenAPI says of uploads and kept outputs beside their serializers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from connectors.api.documentation import answer, errors
from conversions.api.openapi import response_header
from conversions.api.serializers import LinkSerializer, SheetSerializer, UploadFileSerializer

PARQUET = "application/vnd.apache.parquet"
_UPLOADED = answer(
    "UploadAnswer",
    {
        "upload_id": serializers.UUIDField(),
        "filename": serializers.CharField(),
        "bytes": serializers.IntegerField(),
        "sha256": serializers.CharField(),
        "expires_at": serializers.DateTimeField(),
    },
)
UPLOAD: dict[str, Any] = {
    "operation_id": "upload_file",
    "tags": ["uploads"],
    "request": {"multipart/form-data": UploadFileSerializer},
    "parameters": [response_header("Location", "Where the upload is: `/uploads/<id>`.", 201)],
    "responses": {201: _UPLOADED, **errors(400, 401, 403, 405, 413, 415, 429, 500, 503)},
}
SHOW_UPLOAD: dict[str, Any] = {
    "operation_id": "show_upload",
    "tags": ["uploads"],
    "responses": {200: _UPLOADED, **errors(401, 403, 404)},
}
REMOVE_UPLOAD: dict[str, Any] = {
    "operation_id": "remove_upload",
    "tags": ["uploads"],
    "responses": {204: OpenApiResponse(description="It is gone."), **errors(401, 403, 404, 409, 503)},
}
_DOWNLOAD: dict[str, Any] = {
    "tags": ["jobs"],
    "parameters": [
        OpenApiParameter("Range", OpenApiTypes.STR, OpenApiParameter.HEADER, description="One range: `bytes=0-1023`."),
        OpenApiParameter(
            "If-Range",
            OpenApiTypes.STR,
            OpenApiParameter.HEADER,
            description="An ETag: the range only of that version.",
        ),
        OpenApiParameter("If-None-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, description="An ETag."),
        response_header("ETag", "The file's SHA-256.", 200, 206, 304),
        response_header("Accept-Ranges", "`bytes`.", 200, 206),
        response_header("Content-Range", "Which bytes of how many these are.", 206),
        response_header("Content-Disposition", "What to call the file.", 200, 206),
    ],
}
_CONTENT = {
    (200, PARQUET): OpenApiTypes.BINARY,
    (206, PARQUET): OpenApiTypes.BINARY,
    304: OpenApiResponse(description="The file is the one that If-None-Match names."),
}
SHOW_OUTPUT: dict[str, Any] = {
    **_DOWNLOAD,
    "operation_id": "download_output",
    "parameters": [*_DOWNLOAD["parameters"], SheetSerializer],
    "responses": {**_CONTENT, **errors(400, 401, 403, 404, 410, 416, 502, 503)},
}
SHOW_LINKED_OUTPUT: dict[str, Any] = {
    **_DOWNLOAD,
    "operation_id": "download_linked_output",
    "responses": {**_CONTENT, **errors(404, 410, 416, 502, 503)},
}
LINK_OUTPUT: dict[str, Any] = {
    "operation_id": "link_output",
    "tags": ["jobs"],
    "request": LinkSerializer,
    "responses": {
        201: answer(
            "OutputLink",
            {
                "url": serializers.CharField(help_text="Works without a key. Whoever has it has the file."),
                "expires_at": serializers.DateTimeField(),
            },
        ),
        **errors(400, 401, 403, 404, 405, 410, 413, 415, 503),
    },
}
