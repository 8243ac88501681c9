"""``/jobs/<id>/webhooks`` and ``/webhooks/secret``: what callers were told of their jobs, and by which signature."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from conversions import webhook_secrets, webhooks
from conversions.api import webhook_documentation as doc
from conversions.api.answers import DeliverySerializer
from conversions.api.permissions import OPERATE, SEE_VALUES, visible_jobs
from conversions.models import ConversionJob, Scope, WebhookSecret


class DeliveryViewSet(viewsets.GenericViewSet[ConversionJob]):
    """``/jobs/<id>/webhooks``."""

    queryset = ConversionJob.objects.none()

    @property
    def scope(self) -> Scope:
        """What a key needs."""
        return Scope.CONVERT if self.action == "redeliver" else Scope.READ

    def get_queryset(self) -> Any:
        """The caller's jobs."""
        return visible_jobs(self.request, OPERATE if self.action == "redeliver" else SEE_VALUES)

    @extend_schema(**doc.LIST_DELIVERIES)
    def list(self, request: Request, pk: str) -> Response:
        """What was sent of the job or will be, oldest first, with every attempt."""
        deliveries = self.get_object().webhooks.defer("body")
        return Response({"webhooks": DeliverySerializer(deliveries, many=True).data})

    @extend_schema(**doc.REDELIVER)
    def redeliver(self, request: Request, pk: str, delivery_id: str) -> Response:
        """Send the same message again, whether it had arrived or not."""
        delivery = get_object_or_404(self.get_object().webhooks, pk=delivery_id)
        webhooks.redeliver(delivery)
        return Response(DeliverySerializer(delivery).data, status=202)


class WebhookSecretViewSet(viewsets.ViewSet):
    """``/webhooks/secret``."""

    scope = Scope.CONVERT  # whoever has the secret can make messages, not only verify them

    @extend_schema(**doc.SHOW_SECRET)
    def retrieve(self, request: Request) -> Response:
        """The secret that your webhooks are signed with."""
        return _shown(webhook_secrets.present(_user(request)))

    @extend_schema(**doc.ROTATE_SECRET)
    def rotate(self, request: Request) -> Response:
        """A new secret; for a day the former one signs beside it."""
        return _shown(webhook_secrets.rotate(_user(request)))


def _user(request: Request) -> User | None:
    return request.user if request.user.is_authenticated else None


def _shown(secret: WebhookSecret) -> Response:
    facts = {
        "secret": webhook_secrets.text_of(secret),
        "created_at": secret.created_at,
        "previous_signs_until": webhook_secrets.previous_signs_until(secret.user),
    }
    return Response(facts, headers={"Cache-Control": "no-store"})
