"""One envelope for every error: ``detail``, ``code``, ``request_id``, and ``errors`` by field."""

from __future__ import annotations

import sys
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from connectors.errors import ConversionError, Unavailable
from conversions.models import ConversionJob
from conversions.outages import AWAY, is_full

logger = structlog.stdlib.get_logger(__name__)


def answer_error(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler: every exception becomes the envelope."""
    request_id = getattr(context["request"], "request_id", "")
    if isinstance(error, ConversionError):
        return Response(conversion_envelope(error, request_id), status=error.http_status)
    if isinstance(error, AWAY):
        logger.error("the portal's database or broker is away", exc_info=error)
        return Response(away_envelope(error, request_id), status=503)
    if isinstance(error, RequestDataTooBig):
        _drain(context["request"]._request)
        return Response(envelope("The request body is over 8 MiB.", "request_too_large", request_id), status=413)
    if isinstance(error, exceptions.ValidationError):
        fields = by_field(error.get_full_details())
        return Response({**envelope(sentence_of(fields), "invalid_request", request_id), "errors": fields}, status=400)
    answer = exception_handler(error, context)
    if answer is None:
        logger.error("unhandled exception", exc_info=error)
        return Response(bug_envelope(request_id), status=500)
    answer.data = envelope(_sentence(error), _code(error), request_id)
    return answer


def envelope(detail: str, code: str, request_id: str) -> dict[str, Any]:
    """The fields every error has."""
    return {"detail": detail, "code": code, "request_id": request_id}


def bug_envelope(request_id: str) -> dict[str, Any]:
    """What a caller learns of a bug: nothing but the id to ask operators about."""
    detail = "The portal failed unexpectedly. Its operators find the reason in the log under this request_id."
    return envelope(detail, "internal_error", request_id)


def away_envelope(error: Exception, request_id: str) -> dict[str, Any]:
    """What a caller learns while the portal's database or broker is away, or without room."""
    if is_full(error):
        away = Unavailable("The disk of the portal's database is full.", code="storage_full")
    else:
        away = Unavailable(
            "The portal's database or broker does not answer at the moment.",
            code="database_away",
            hint="Try again in a moment; with an Idempotency-Key nothing is done twice.",
        )
    return conversion_envelope(away, request_id)


def conversion_envelope(error: ConversionError, request_id: str) -> dict[str, Any]:
    """A ConversionError as the envelope, with its hint."""
    answer = envelope(error.message, error.code, request_id)
    if error.hint:
        answer["hint"] = error.hint
    if error.errors:
        answer["errors"] = error.errors
    return answer


def error_of(job: ConversionJob) -> dict[str, Any] | None:
    """A failed job's error as JSON."""
    if not job.error_code:
        return None
    return {
        "detail": job.error_message,
        "code": job.error_code,
        "hint": job.error_hint or None,
        "retryable": job.error_retryable,
    }


def not_found(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """Django's 404 handler."""
    detail = f"There is nothing at {request.path}. GET /schema lists what there is."
    return JsonResponse(envelope(detail, "not_found", getattr(request, "request_id", "")), status=404)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """Django's 400 handler: a request that is refused before any view, such as one for an unknown host."""
    detail = "The request was refused: its Host header, path or size is not acceptable."
    return JsonResponse(envelope(detail, "bad_request", getattr(request, "request_id", "")), status=400)


def server_error(request: HttpRequest) -> JsonResponse:
    """Django's 500 handler, called while the exception is handled."""
    request_id = getattr(request, "request_id", "")
    error = sys.exception()
    if isinstance(error, AWAY):
        return JsonResponse(away_envelope(error, request_id), status=503)
    return JsonResponse(bug_envelope(request_id), status=500)


def sentence_of(fields: dict[str, list[str]]) -> str:
    """Messages by field as one text that names each field."""
    return " ".join(f"{name}: {message}" for name, messages in fields.items() for message in messages)


def by_field(details: Any, name: str = "") -> dict[str, list[str]]:
    """DRF's nested error details as flat paths: ``options.delimiter``."""
    if isinstance(details, dict) and "message" in details and "code" in details and isinstance(details["message"], str):
        return {name or "request": [str(details["message"])]}
    found: dict[str, list[str]] = {}
    items = details.items() if isinstance(details, dict) else ((None, item) for item in details)
    for key, inner in items:
        path = name if key is None or key == "request" else f"{name}.{key}" if name else str(key)
        for field, messages in by_field(inner, path).items():
            found.setdefault(field, []).extend(messages)
    return found


def _drain(request: HttpRequest) -> None:
    """Take the rest, within reason: a client that is still sending would see a broken pipe instead of the answer."""
    for _ in range(64):
        if not request.read(2**20):
            return


def _sentence(error: Exception) -> str:
    if isinstance(error, Http404):
        return "There is no such job, or it is not yours."
    detail = getattr(error, "detail", "")
    return str(detail)


def _code(error: Exception) -> str:
    if isinstance(error, Http404):
        return "not_found"
    return str(getattr(error, "default_code", "error"))
