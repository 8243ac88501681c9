"""Uploads: keep, find, remove. API and console enter here."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from connectors import events
from connectors.errors import ConversionError, NotFound
from conversions import storage
from conversions.models import TERMINAL, ConversionJob, Upload


def keep(file: UploadedFile[bytes], sha256: str, owner: User | None) -> Upload:
    """Put a received file into the portal's own store.

    Raises:
        Unavailable: the store does not take it.
    """
    upload = Upload(
        owner=owner,
        filename=(file.name or "upload")[-255:],
        bytes=file.size or 0,
        sha256=sha256,
        expires_at=timezone.now() + timedelta(hours=settings.TUNDRA.UPLOAD_RETENTION_HOURS),
    )
    # The row comes first: what is stored without one would never be removed.
    upload.save(force_insert=True)
    try:
        storage.save(upload.stored_as, file)
    except ConversionError:
        upload.delete()
        raise
    events.record(upload.subject, "uploaded", filename=upload.filename, bytes=upload.bytes)
    return upload


def hold(upload: Upload) -> None:
    """Within a transaction: nobody removes it before the end.

    Raises:
        NotFound: it is gone.
    """
    if not Upload.objects.select_for_update().filter(pk=upload.pk).exists():
        raise gone()


def gone() -> NotFound:
    """What to say of an upload that is not there, or not the caller's."""
    return NotFound("There is no such upload, or it is not yours, or it has expired.", code="upload_not_found")


def remove(upload: Upload) -> None:
    """Remove an upload before its time.

    Raises:
        ConversionError: a job still needs it (409).
    """
    if not _remove(upload):
        raise ConversionError(
            "A job that has not ended needs this upload; cancel the job first.", code="upload_in_use", http_status=409
        )
    events.record(upload.subject, "removed", filename=upload.filename)


def prune() -> int:
    """Remove uploads that have expired, but for those that a waiting or running job needs; return how many.

    Any number of pruners at once are harmless.
    """
    expired = list(_unneeded().filter(expires_at__lt=timezone.now()))
    return sum(_remove(upload) for upload in expired)


def _unneeded() -> QuerySet[Upload]:
    return Upload.objects.exclude(jobs__in=ConversionJob.objects.exclude(status__in=TERMINAL))


def _remove(upload: Upload) -> bool:
    """Remove an upload with its file and history; False if a job needs it, or somebody else was first."""
    with transaction.atomic():
        # The row is locked first: a request that would use it waits, and then finds it gone.
        if not Upload.objects.select_for_update().filter(pk=upload.pk).exists():
            return False
        if not _unneeded().filter(pk=upload.pk).exists():
            return False
        storage.delete(upload.stored_as)
        events.forget([upload.subject])
        upload.delete()
    return True
