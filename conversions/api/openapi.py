"""OpenAPI's general part: what is true of every endpoint is written once, here."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from connectors.services import enabled_connectors
from conversions.api.throttles import LimitedViewSet


def response_header(name: str, description: str, *statuses: int, kind: Any = OpenApiTypes.STR) -> OpenApiParameter:
    """A header of the answers with these statuses; without any: of all."""
    return OpenApiParameter(
        name, kind, OpenApiParameter.HEADER, description=description, response=list(statuses) or True
    )


_EVERYWHERE = [
    OpenApiParameter(
        "X-Request-ID",
        OpenApiTypes.STR,
        OpenApiParameter.HEADER,
        description="Returned, and in every log line and on the job. Made up when absent.",
    ),
    response_header("X-Request-ID", "The request's id: as it was sent, or made up."),
    response_header("Allow", "The methods that this path takes.", 405),
    response_header("WWW-Authenticate", "How to say who you are: `Bearer`.", 401),
]
_LIMITED = [
    response_header("RateLimit-Policy", "The limit in force: `10;w=60` is ten a minute."),
    response_header("RateLimit-Limit", "How many requests the window allows.", kind=OpenApiTypes.INT),
    response_header("RateLimit-Remaining", "How many are left.", kind=OpenApiTypes.INT),
    response_header("RateLimit-Reset", "Seconds until the window ends.", kind=OpenApiTypes.INT),
    response_header("Retry-After", "Seconds until a request is allowed again.", 429, kind=OpenApiTypes.INT),
]


class Schema(AutoSchema):
    """Adds the headers that an endpoint has because of what its view is."""

    def get_override_parameters(self) -> list[Any]:
        """Ids everywhere, limits where requests are counted."""
        limited = isinstance(self.view, LimitedViewSet) and self.method in self.view.counted
        return [*super().get_override_parameters(), *_EVERYWHERE, *(_LIMITED if limited else [])]

    def get_auth(self) -> list[dict[str, list[Any]]]:
        """A key, or none where the portal lets in everybody."""
        known = super().get_auth()
        return known if settings.TUNDRA.API_AUTH == "key" else [*known, {}]


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """API keys and identity tokens as OpenAPI describes them."""

    target_class = "conversions.api.authentication.BearerToken"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A bearer token."""
        return {"type": "http", "scheme": "bearer", "description": "An API key, or a Google OIDC identity token."}


class ConnectorType(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """The connectors that are switched on here."""

    target_class = "conversions.api.database_serializers.ConnectorTypeField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """Their names."""
        return {"type": "string", "enum": enabled_connectors()}


class StrictRequest(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Requests take the fields that they name and no others."""

    target_class = "conversions.api.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """The fields, closed, no text blank that may not be; exactly one of those that say the same thing."""
        schema: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        schema["additionalProperties"] = False
        for name, field in self.target.fields.items():
            if isinstance(field, serializers.CharField) and not field.allow_blank:
                schema["properties"][name].setdefault("minLength", 1)
        if self.target.exactly_one_of:
            schema["oneOf"] = [{"required": [name]} for name in self.target.exactly_one_of]
        return schema
