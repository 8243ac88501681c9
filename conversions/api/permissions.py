"""Who may call the API, for what, and which jobs they see."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from conversions.models import ApiKey, ConversionJob, Upload

if TYPE_CHECKING:  # DRF's views import this module
    from rest_framework.views import APIView

Owned = TypeVar("Owned", ConversionJob, Upload)

# What staff need for the jobs of others. Answers hold values of customers, so who may only look at jobs in the console
# has no business here.
SEE_VALUES, OPERATE = "conversions.view_jobinspection", "conversions.change_conversionjob"


class MayUseApi(BasePermission):
    """Somebody known, or anybody where the operator set ``API_AUTH=none``; a key only within its scopes."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the request may go on.

        Raises:
            PermissionDenied: the key lacks the view's scope.
        """
        if isinstance(request.auth, ApiKey):
            scope = getattr(view, "scope", None)
            if scope and not request.auth.allows(scope):
                raise PermissionDenied(f"The API key '{request.auth.name}' does not have the scope '{scope}'.")
            return True
        return settings.TUNDRA.API_AUTH == "none" or bool(request.user and request.user.is_authenticated)


def visible_jobs(request: Request, needed: str = SEE_VALUES) -> QuerySet[ConversionJob]:
    """The caller's own jobs; all of them for staff with the permission. Without an account: those that nobody owns."""
    return _visible(ConversionJob.objects.all(), request, needed)


def visible_uploads(request: Request, needed: str = SEE_VALUES) -> QuerySet[Upload]:
    """The same of uploads that have not expired."""
    return _visible(Upload.objects.filter(expires_at__gt=timezone.now()), request, needed)


def _visible(things: QuerySet[Owned], request: Request, needed: str) -> QuerySet[Owned]:
    if not request.user.is_authenticated:
        return things.filter(owner=None)
    sees_all = request.user.is_staff and request.user.has_perm(needed)
    return things if sees_all else things.filter(owner=request.user)
