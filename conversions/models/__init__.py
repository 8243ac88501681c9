"""The room's tables."""

from conversions.models.api_key import ApiKey, Scope
from conversions.models.inspection import JobInspection
from conversions.models.job import LEASE, ConversionJob
from conversions.models.schedule import Schedule
from conversions.models.states import DATABASE_KINDS, LOOKING_KINDS, TERMINAL, JobKind, JobStatus, ended
from conversions.models.upload import Upload
from conversions.models.webhook import DeliveryStatus, WebhookDelivery, WebhookEvent, WebhookSecret

__all__ = [
    "DATABASE_KINDS",
    "LEASE",
    "LOOKING_KINDS",
    "TERMINAL",
    "ApiKey",
    "ConversionJob",
    "DeliveryStatus",
    "JobInspection",
    "JobKind",
    "JobStatus",
    "Schedule",
    "Scope",
    "Upload",
    "WebhookDelivery",
    "WebhookEvent",
    "WebhookSecret",
    "ended",
]
