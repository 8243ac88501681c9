"""The queue only rings; the job's row is the truth. A lost or doubled ring does no harm."""

from __future__ import annotations

import logging
from functools import partial

from django.conf import settings
from django.db import transaction
from django_q.brokers import get_broker
from django_q.status import Stat
from django_q.tasks import async_task
from redis.exceptions import RedisError

from conversions.models import ConversionJob

logger = logging.getLogger(__name__)


def ring(job: ConversionJob) -> None:
    """Tell the workers of a job: in the portal's own database with the row's commit, elsewhere right after it."""
    if "orm" in settings.Q_CLUSTER:
        _enqueue(job)
    else:
        transaction.on_commit(partial(_enqueue_or_leave_to_the_reaper, job))


def _enqueue(job: ConversionJob) -> None:
    async_task("conversions.tasks.run_job", str(job.pk), task_name=f"job-{job.pk}")


def _enqueue_or_leave_to_the_reaper(job: ConversionJob) -> None:
    try:
        _enqueue(job)
    except RedisError:
        logger.exception("the broker is away; the reaper rings later", extra={"job_id": str(job.pk)})


def requeue(job: ConversionJob) -> bool:
    """Give a job that an attempt holds back for the next one; False if it is no longer held."""
    with transaction.atomic():
        requeued = job.requeue()
        if requeued and not job.is_local:
            ring(job)
    return requeued


def is_empty() -> bool:
    """Whether no ring waits in the broker. Those that workers hold do not count: they may have died with them."""
    return bool(get_broker().queue_size() == 0)


def live_workers() -> int:
    """How many queue workers have shown themselves in the last seconds."""
    return sum(len(cluster.workers) for cluster in Stat.get_all())
