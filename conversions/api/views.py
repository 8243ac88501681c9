"""The conversion endpoints: shells that check a request, submit a job and answer for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import BoundedSemaphore
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import StreamingHttpResponse
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import events
from connectors.errors import Unavailable
from conversions import rejects, services
from conversions.api import documentation as doc
from conversions.api import submissions
from conversions.api.answers import EventSerializer, JobSerializer, success_of
from conversions.api.permissions import OPERATE, SEE_VALUES, visible_jobs
from conversions.api.serializers import ConvertFileSerializer, InferSchemaSerializer, JobFilterSerializer
from conversions.api.throttles import LimitedViewSet
from conversions.models import ConversionJob, JobStatus, Scope

_WAIT = re.compile(r"\bwait\s*=\s*\"?(\d{1,6})\"?", re.IGNORECASE)
_ASYNC = re.compile(r"\brespond-async\b", re.IGNORECASE)

_OPERATING = ("cancel", "retry")
_LOOKUPS = {
    "status": "status",
    "kind": "kind",
    "error_code": "error_code",
    "created_after": "created_at__gt",
    "created_before": "created_at__lt",
}

# Each waiting caller holds a thread of the web process; some threads are kept for everything that is quick.
_WAITING_PLACES = BoundedSemaphore(max(1, settings.TUNDRA.WEB_THREADS - 8))


class JobPages(CursorPagination):
    """Newest first, in pages that stay put while jobs arrive."""

    ordering = ("-created_at", "-id")
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500

    def decode_cursor(self, request: Request) -> Any:
        """A cursor that no page gave is bad input, not a page that is missing."""
        try:
            return super().decode_cursor(request)
        except (NotFound, ValueError, OverflowError) as error:
            raise _foreign_cursor() from error

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        """The same for a cursor whose position is no time."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (DjangoValidationError, ValueError, OverflowError, TypeError) as error:
            if "cursor" not in request.query_params:
                raise
            raise _foreign_cursor() from error


class FileConversionViewSet(LimitedViewSet):
    """``POST /convert/file``."""

    scope = Scope.CONVERT

    @extend_schema(**doc.CONVERT_FILE)
    def create(self, request: Request) -> Response:
        """Convert a file to Parquet and deliver it to the signed URL."""
        serializer = ConvertFileSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return answer(request, submissions.file_conversion(serializer.validated_data, request))


class SchemaInferenceViewSet(LimitedViewSet):
    """``POST /infer/schema``."""

    scope = Scope.INFER

    @extend_schema(**doc.INFER_SCHEMA)
    def create(self, request: Request) -> Response:
        """Tell the types that a conversion would write, with a sample of the rows."""
        serializer = InferSchemaSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return answer(request, submissions.schema_inference(serializer.validated_data, request))


class JobViewSet(mixins.RetrieveModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet[ConversionJob]):
    """``/jobs``: what became of every request."""

    serializer_class = JobSerializer
    pagination_class = JobPages
    queryset = ConversionJob.objects.none()

    @property
    def scope(self) -> Scope:
        """What a key needs."""
        return Scope.CONVERT if self.action in _OPERATING else Scope.READ

    def get_queryset(self) -> Any:
        """The caller's jobs, filtered as the query says."""
        jobs = visible_jobs(self.request, OPERATE if self.action in _OPERATING else SEE_VALUES)
        if self.action != "list":
            return jobs
        filters = JobFilterSerializer(data=self.request.query_params.dict())
        filters.is_valid(raise_exception=True)
        wanted = filters.validated_data
        return jobs.filter(**{lookup: wanted[name] for name, lookup in _LOOKUPS.items() if name in wanted})

    @extend_schema(**doc.LIST_JOBS)
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The caller's jobs, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(**doc.SHOW_JOB)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One job."""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(**doc.SHOW_REJECTS)
    @action(detail=True, methods=["get"])
    def rejects(self, request: Request, pk: str) -> StreamingHttpResponse:
        """The rows that `on_bad_row: skip` left out: line, reason and text of each, one JSON object a line."""
        return StreamingHttpResponse(rejects.of(self.get_object()), content_type="application/x-ndjson")

    @extend_schema(**doc.JOB_EVENTS)
    @action(detail=True, methods=["get"])
    def events(self, request: Request, pk: str) -> Response:
        """What happened to the job, oldest first: who did what, and when."""
        return Response({"events": EventSerializer(events.of(self.get_object().subject), many=True).data})

    @extend_schema(**doc.CANCEL_JOB)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel a waiting job, or ask a running one to stop."""
        return Response(JobSerializer(services.cancel(self.get_object())).data, status=202)

    @extend_schema(**doc.RETRY_JOB)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Queue a failed or cancelled job again."""
        return Response(JobSerializer(services.retry(self.get_object())).data, status=202)


def answer(request: Request, submission: services.Submission) -> Response:
    """Submit, wait as long as the caller prefers (RFC 7240), then answer as v3 did, or 202 with the job's place.

    Raises:
        Unavailable: so many callers wait already that health checks would find no thread.
    """
    preference = request.headers.get("Prefer", "")
    seconds = _seconds_to_wait(preference)
    with _waiting_place() if seconds else nullcontext():
        job = services.wait(services.submit(submission), seconds)
    if not job.is_terminal:
        place = reverse("job-detail", kwargs={"pk": job.pk})
        applied = {"Preference-Applied": "respond-async" if not seconds else f"wait={seconds:g}"} if preference else {}
        return Response(JobSerializer(job).data, status=202, headers={"Location": place, **applied})
    if job.status == JobStatus.SUCCEEDED:
        return Response(success_of(job))
    raise services.failure_of(job)


@contextmanager
def _waiting_place() -> Iterator[None]:
    if not _WAITING_PLACES.acquire(blocking=False):
        raise Unavailable(
            "Too many callers are waiting for their conversions.",
            code="too_many_waiting",
            hint="Send 'Prefer: respond-async' and ask /jobs/<id>, or try again in a moment.",
        )
    try:
        yield
    finally:
        _WAITING_PLACES.release()


def _foreign_cursor() -> ValidationError:
    return ValidationError({"cursor": ["This is not a cursor of ours; take `next` or `previous`."]})


def _seconds_to_wait(preference: str) -> float:
    if _ASYNC.search(preference):
        return 0
    longest: float = settings.TUNDRA.MAX_PROCESSING_TIME_MINUTES * 60 + 30
    found = _WAIT.search(preference)
    return min(float(found[1]), longest) if found else longest
