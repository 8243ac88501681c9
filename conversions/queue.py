"""The queue only rings; the job's row is the truth. A lost or doubled ring does no harm."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.db import transaction
from django_q.brokers import get_broker
from django_q.status import Stat
from django_q.tasks import async_task

from conversions.models import ConversionJob


def ring(job: ConversionJob) -> None:
    """Tell the workers of a job: in the portal's own database with the row's commit, elsewhere right after it."""
    enqueue = partial(async_task, "conversions.tasks.run_job", str(job.pk), task_name=f"job-{job.pk}")
    if "orm" in settings.Q_CLUSTER:
        enqueue()
    else:
        transaction.on_commit(enqueue)


def requeue(job: ConversionJob) -> bool:
    """Give a job that an attempt holds back for the next one; False if it is no longer held."""
    with transaction.atomic():
        requeued = job.requeue()
        if requeued:
            ring(job)
    return requeued


def is_empty() -> bool:
    """Whether no ring waits, neither in the broker nor with a worker that has yet to confirm it."""
    broker = get_broker()
    return bool(broker.queue_size() == 0 and broker.lock_size() == 0)


def live_workers() -> int:
    """How many queue workers have shown themselves in the last seconds."""
    return sum(len(cluster.workers) for cluster in Stat.get_all())
