"""Who may call the API and which jobs they see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import QuerySet
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from conversions.models import ConversionJob

if TYPE_CHECKING:  # DRF's views import this module
    from rest_framework.views import APIView


class MayUseApi(BasePermission):
    """Somebody known, or anybody where the operator set ``API_AUTH=none``."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the request may go on."""
        return settings.TUNDRA.API_AUTH == "none" or bool(request.user and request.user.is_authenticated)


def visible_jobs(request: Request) -> QuerySet[ConversionJob]:
    """The caller's own jobs; all of them for staff. Without an account: those that nobody owns."""
    if not request.user.is_authenticated:
        return ConversionJob.objects.filter(owner=None)
    if request.user.is_staff:
        return ConversionJob.objects.all()
    return ConversionJob.objects.filter(owner=request.user)
