"""What OpenAPI says of webhooks beside their serializers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from connectors.api.documentation import answer, errors
from conversions.api.answers import DeliverySerializer

_TAG = {"tags": ["webhooks"]}
_SECRET = answer(
    "WebhookSecret",
    {
        "secret": serializers.CharField(help_text="`whsec_` and base64."),
        "created_at": serializers.DateTimeField(),
        "previous_signs_until": serializers.DateTimeField(
            allow_null=True, help_text="Until then there is a second signature, by the former secret."
        ),
    },
)
LIST_DELIVERIES: dict[str, Any] = {
    **_TAG,
    "operation_id": "list_job_webhooks",
    "responses": {
        200: answer("JobWebhooks", {"webhooks": DeliverySerializer(many=True)}),
        **errors(401, 403, 404),
    },
}
REDELIVER: dict[str, Any] = {
    **_TAG,
    "operation_id": "redeliver_webhook",
    "request": None,
    "responses": {202: DeliverySerializer, **errors(401, 403, 404, 409)},
}
SHOW_SECRET: dict[str, Any] = {
    **_TAG,
    "operation_id": "show_webhook_secret",
    "responses": {200: _SECRET, **errors(401, 403, 409)},
}
ROTATE_SECRET: dict[str, Any] = {
    **_TAG,
    "operation_id": "rotate_webhook_secret",
    "request": None,
    "responses": {200: _SECRET, **errors(401, 403, 409)},
}
