"""What callers are told of their jobs: written with the change that it tells, sent until it has arrived."""

from __future__ import annotations

import random
import time
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.db import Error, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone
from rest_framework.renderers import JSONRenderer

from connectors import events
from connectors.errors import ConversionError, LimitReached
from connectors.http import exchange
from connectors.urls import SignedUrl, parse_signed_url
from conversions import assignments, totals, webhook_secrets
from conversions.api.answers import JobSerializer
from conversions.models import ConversionJob, DeliveryStatus, WebhookDelivery, WebhookEvent
from conversions.sealed import unseal

logger = structlog.stdlib.get_logger(__name__)

END, PROGRESS = "end", "progress"
ATTEMPT_SECONDS = 10.0
_PAUSES = [
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=7),
    timedelta(hours=10),
]
_PROGRESS_PERIOD = timedelta(seconds=5)
_AT_ONCE_TO_A_HOST = 2
_GONE = 410


def announce(job: ConversionJob, **_: Any) -> None:
    """Write that a job has ended, in the transaction that ends it. What was yet to be told of its progress is not."""
    wanted = _wanted(job)
    if wanted:
        job.webhooks.filter(event=WebhookEvent.PROGRESS, status=DeliveryStatus.PENDING).delete()
    if END in wanted:
        _write(job, WebhookEvent(f"job.{job.status}"))


def tell_progress(job: ConversionJob) -> None:
    """Write how far a job is, if its caller wants to know and was not just told. Only the latest is kept."""
    if PROGRESS not in _wanted(job):
        return
    told = job.webhooks.filter(event=WebhookEvent.PROGRESS)
    if told.filter(created_at__gt=timezone.now() - _PROGRESS_PERIOD).exists():
        return
    with transaction.atomic():
        told.delete()
        _write(job, WebhookEvent.PROGRESS)


def redeliver(delivery: WebhookDelivery) -> None:
    """Have the same message sent again, at once and with all its attempts before it.

    Raises:
        ConversionError: it is being sent at this moment, or its user is gone (409).
    """
    if not delivery.job.webhook:
        raise ConversionError(
            "The user whose job this was is gone, and with the user the secret to sign with.",
            code="request_wiped",
            http_status=409,
        )
    with transaction.atomic():
        if not delivery.reopen():
            raise ConversionError("The webhook is being delivered right now.", code="webhook_busy", http_status=409)
        events.record(delivery.job.subject, "webhook_redelivered", event=delivery.event)


def forget(user: User) -> None:
    """Send nothing more to a user who is being deleted: the secret goes along, and another's would prove nothing."""
    pending = WebhookDelivery.objects.filter(job__owner=user, status=DeliveryStatus.PENDING)
    pending.update(status=DeliveryStatus.GIVEN_UP, next_attempt_at=None, claimed_until=None, settled_at=timezone.now())
    ConversionJob.objects.filter(owner=user).exclude(webhook=b"").update(webhook=b"")


def claim_next() -> WebhookDelivery | None:
    """A message that is due, claimed for one attempt; None if there is none."""
    while (delivery := _due().first()) is not None:
        if delivery.claim():
            return delivery
    return None


def deliver(delivery: WebhookDelivery) -> None:
    """Make the attempt that a message was claimed for, and keep how it ended."""
    at, began = timezone.now(), time.monotonic()
    answered, error = _attempt(delivery)
    attempt = {
        "at": at.isoformat(),
        "status": answered,
        "error": error or None,
        "seconds": round(time.monotonic() - began, 3),
    }
    next_attempt_at = _next_attempt(delivery, answered) if error else None
    failed = DeliveryStatus.PENDING if next_attempt_at else DeliveryStatus.GIVEN_UP
    with transaction.atomic():
        if delivery.settle(failed if error else DeliveryStatus.DELIVERED, attempt, next_attempt_at):
            totals.add_webhook_attempt("failed" if delivery.status == DeliveryStatus.PENDING else delivery.status)
    logger.info(
        "webhook attempted",
        job_id=str(delivery.job_id),
        webhook_event=delivery.event,
        webhook_host=delivery.host,
        status=delivery.status,
        answered=answered,
        duration_seconds=attempt["seconds"],
    )


def _wanted(job: ConversionJob) -> list[str]:
    """Of what its caller wants to be told: nothing once the caller is gone."""
    events_wanted: list[str] = job.request.get("webhook_events", []) if job.webhook else []
    return events_wanted


def _write(job: ConversionJob, event: WebhookEvent) -> None:
    told = {"type": event.value, "timestamp": timezone.now().isoformat(), "data": JobSerializer(job).data}
    WebhookDelivery.objects.create(
        job=job,
        event=event,
        host=job.request["webhook_url"].split("/", 3)[2],
        body=JSONRenderer().render(told).decode(),
    )


def _due() -> QuerySet[WebhookDelivery]:
    """What is to be sent now, the longest due first. A host that takes its time holds up nobody else's messages."""
    now = timezone.now()
    pending = WebhookDelivery.objects.filter(status=DeliveryStatus.PENDING)
    under_way = pending.filter(claimed_until__gt=now).order_by().values("host").annotate(attempts_now=Count("*"))
    busy = under_way.filter(attempts_now__gte=_AT_ONCE_TO_A_HOST).values("host")
    due = pending.filter(next_attempt_at__lte=now).exclude(host__in=busy)
    return due.order_by("next_attempt_at")


def _attempt(delivery: WebhookDelivery) -> tuple[int | None, str]:
    """The answer's status, and what was wrong: empty if nothing was."""
    try:
        url = _url_of(delivery.job)
        status = _post(delivery, url)
    except LimitReached:
        return None, f"{delivery.host} did not answer within {ATTEMPT_SECONDS:g} seconds."
    except ConversionError as error:
        return None, error.message
    except Error:
        raise
    except Exception:
        logger.exception("webhook attempt broke")
        return None, "The portal failed unexpectedly while it sent this."
    return status, "" if 200 <= status < 300 else f"{delivery.host} answered {status}."


def _post(delivery: WebhookDelivery, url: SignedUrl) -> int:
    """Send the message by the specification; the answer's status. Its body is nobody's business and stays unread."""
    body, timestamp = delivery.body.encode(), int(time.time())
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": webhook_secrets.signatures(delivery.job.owner, delivery.message_id, timestamp, body),
    }
    deadline = time.monotonic() + ATTEMPT_SECONDS
    with exchange("POST", url, deadline=deadline, headers=headers, body=[body]) as answer:
        return answer.status


def _url_of(job: ConversionJob) -> SignedUrl:
    """Where a job's messages go, by the rules in force now.

    Raises:
        ConversionError: it cannot be read any more, or the rules have changed.
    """
    opened = unseal(job.webhook)
    if opened is None:
        raise ConversionError("The webhook's URL cannot be read because SECRET_KEY has changed.", code="request_wiped")
    return parse_signed_url(opened["url"], assignments.webhook_policy(), field="webhook_url")


def _next_attempt(delivery: WebhookDelivery, answered: int | None) -> datetime | None:
    """When to try again after a failure; None if that is over. Progress is not worth a second attempt."""
    if answered == _GONE or delivery.event == WebhookEvent.PROGRESS or delivery.attempts > len(_PAUSES):
        return None
    jitter = random.uniform(1, 1.2)  # noqa: S311 - so that what failed together does not come back together
    return timezone.now() + _PAUSES[delivery.attempts - 1] * jitter
