"""What OpenAPI says everywhere: the envelope of errors, and answers made of fields."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema_serializer, inline_serializer
from rest_framework import serializers

_MEANINGS = {
    400: "The request or its input is bad; the sentence names what.",
    401: "No API key, or one that is not valid.",
    403: "Not allowed.",
    404: "No such job, upload or credentials, or not the caller's.",
    405: "This path does not take the method.",
    409: "A conflict with the job's state.",
    410: "It was here, and is no longer kept.",
    413: "The input is over a limit.",
    415: "The body is not of the type that the endpoint takes.",
    416: "The range is outside of the file.",
    429: "Too many requests; Retry-After says when to come back.",
    500: "A bug of the portal.",
    502: "A store or database failed or refused.",
    503: "The queue, the workers or the disk are not available.",
    504: "The portal's own limit of time or memory ended the work.",
}


def answer(name: str, fields: dict[str, Any]) -> Any:
    """An answer made of fields, one even where a view lists: what is listed is one of the fields."""
    serializer = inline_serializer(name, fields)
    extend_schema_serializer(many=False)(type(serializer))
    return serializer


ERROR = answer(
    "Error",
    {
        "detail": serializers.CharField(help_text="One sentence a caller can act on."),
        "code": serializers.CharField(help_text="Stable and machine readable."),
        "request_id": serializers.CharField(),
        "hint": serializers.CharField(required=False, help_text="What to do about it."),
        "errors": serializers.DictField(
            child=serializers.ListField(child=serializers.CharField()),
            required=False,
            help_text="Messages by field.",
        ),
    },
)


def errors(*statuses: int) -> dict[int, OpenApiResponse]:
    """The error answers of an endpoint."""
    return {status: OpenApiResponse(ERROR, _MEANINGS[status]) for status in statuses}
