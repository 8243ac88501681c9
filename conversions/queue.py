"""The queue only rings; the job's row is the truth. A lost or doubled ring does no harm."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.core.cache import caches
from django.db import transaction
from django.db.models import Count, Max, Min, QuerySet
from django_q.brokers import get_broker
from django_q.status import Stat
from django_q.tasks import async_task
from redis.exceptions import RedisError

from conversions.models import ConversionJob, JobStatus

logger = structlog.stdlib.get_logger(__name__)


def ring() -> None:
    """Tell the workers that one more job waits: in the portal's own database with the row's commit, elsewhere after it.

    Which job is not said: whoever hears it takes the one whose turn it is.
    """
    if "orm" in settings.Q_CLUSTER:
        _enqueue()
    else:
        transaction.on_commit(_enqueue_or_leave_to_the_reaper)


def _enqueue() -> None:
    async_task("conversions.tasks.run_next")


def _enqueue_or_leave_to_the_reaper() -> None:
    try:
        _enqueue()
    except RedisError:
        logger.exception("the broker is away; the reaper rings later")


def ask_to_prune() -> None:
    """Have a worker remove what is older than it is kept: with files in a bucket that may take a while."""
    async_task("conversions.tasks.prune")


def waiting() -> QuerySet[ConversionJob]:
    """The jobs that workers may take, in order."""
    return ConversionJob.objects.filter(status=JobStatus.QUEUED, is_local=False).order_by("turn", "queued_at")


def turn_for(caller: str) -> int:
    """The turn of a caller's next job: behind the caller's own, beside the others' first.

    So callers take turns, however many jobs each of them has: one caller's job waits for one job of each other caller.
    """
    first = waiting().values_list("turn", flat=True).first()
    last = waiting().filter(caller=caller).aggregate(last=Max("turn"))["last"]
    return max(first or 0, -1 if last is None else last + 1, 0)


def claim_next(worker: str) -> ConversionJob | None:
    """The waiting job whose turn it is, claimed for one attempt; None if none waits."""
    while (job := waiting().first()) is not None:
        if job.claim(worker):
            return job
    return None


def requeue(job: ConversionJob, *, counts: bool = True) -> bool:
    """Give a job that an attempt holds back for the next one; False if it is no longer held.

    Args:
        job: as it is while the attempt holds it.
        counts: whether this attempt is one of ``MAX_ATTEMPTS``.
    """
    with transaction.atomic():
        requeued = job.requeue(counts=counts)
        if requeued and not job.is_local:
            ring()
    return requeued


def is_empty() -> bool:
    """Whether no ring waits in the broker. Those that workers hold do not count: they may have died with them."""
    return bool(get_broker().queue_size() == 0)


def live_workers() -> int:
    """How many queue workers have shown themselves in the last seconds."""
    return sum(len(cluster.workers) for cluster in Stat.get_all())


def clusters_seen() -> list[Stat]:
    """What clusters of workers tell of themselves, for those who only look; nothing when the broker does not answer."""
    try:
        return list(Stat.get_all())
    except RedisError:
        return []


def workers_seen() -> int:
    """How many workers they have."""
    return sum(len(cluster.workers) for cluster in clusters_seen())


@dataclass(frozen=True, slots=True)
class Load:
    """How many jobs of a kind wait or run, and since when the oldest of them is queued."""

    status: str
    kind: str
    jobs: int
    oldest: datetime


def load() -> list[Load]:
    """What waits and what runs, by index."""
    present = ConversionJob.objects.filter(status__in=[JobStatus.QUEUED, JobStatus.RUNNING]).order_by()
    groups = present.values("status", "kind").annotate(jobs=Count("*"), oldest=Min("queued_at"))
    return [Load(**group) for group in groups]


def stat_of(cluster: str) -> Stat | None:
    """What a cluster last told of itself; None if it has been silent for some seconds.

    Raises:
        RedisError, OSError: it could not have told, for there is no way to.
    """
    caches["cluster"].set("tundra-pulse", "x" * 4096, 3)
    return next((stat for stat in Stat.get_all() if uuid.UUID(str(stat.cluster_id)).hex == cluster), None)
