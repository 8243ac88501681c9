"""Prometheus metrics from the portal's database, so that any web process answers for all workers and machines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from django.db.models import Sum
from django.utils import timezone
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from conversions import queue
from conversions.models import DeliveryStatus, JobKind, JobStatus, WebhookDelivery
from conversions.totals import BOUNDS, JobTotal, WebhookTotal

_NOW = {JobStatus.QUEUED: "tundra_jobs_waiting", JobStatus.RUNNING: "tundra_jobs_running"}
_SUMS = {
    "rows": ("tundra_rows_written", "Rows delivered."),
    "bytes_read": ("tundra_bytes_read", "Bytes of the files that were converted."),
    "bytes_written": ("tundra_bytes_written", "Bytes of Parquet delivered."),
}


class JobCollector(Collector):
    """Asks the database at every scrape: what waits and runs by index, what has ended from the totals."""

    def collect(self) -> Iterator[Metric]:
        """Every metric of the portal."""
        yield from _now()
        yield GaugeMetricFamily(
            "tundra_workers",
            "Queue workers that are alive; 0 also when the broker does not answer.",
            queue.workers_seen(),
        )
        yield from _ended()
        yield _durations()
        yield from _webhooks()


def _now() -> Iterator[Metric]:
    found = {(group.status, group.kind): group for group in queue.load()}
    for status, name in _NOW.items():
        gauge = GaugeMetricFamily(name, f"Jobs that are {status}.", labels=["kind"])
        for kind in JobKind.values:
            gauge.add_metric([kind], found[status, kind].jobs if (status, kind) in found else 0)
        yield gauge
    waiting = [group.oldest for group in found.values() if group.status == JobStatus.QUEUED]
    oldest = (timezone.now() - min(waiting)).total_seconds() if waiting else 0.0
    yield GaugeMetricFamily("tundra_oldest_waiting_seconds", "How long the oldest queued job has waited.", oldest)


def _ended() -> Iterator[Metric]:
    jobs = CounterMetricFamily("tundra_jobs_ended", "Jobs by how they ended.", labels=["kind", "status"])
    for kind, status, count in JobTotal.objects.values_list("kind", "status").annotate(Sum("jobs")):
        jobs.add_metric([kind, status], count)
    yield jobs
    errors = CounterMetricFamily("tundra_job_errors", "Failed jobs by error code.", labels=["kind", "code"])
    failed = JobTotal.objects.filter(status=JobStatus.FAILED)
    for kind, code, count in failed.values_list("kind", "error_code").annotate(Sum("jobs")):
        errors.add_metric([kind, code], count)
    yield errors
    for field, (name, description) in _SUMS.items():
        counter = CounterMetricFamily(name, description, labels=["kind"])
        for kind, amount in JobTotal.objects.values_list("kind").annotate(Sum(field)):
            counter.add_metric([kind], amount)
        yield counter


def _webhooks() -> Iterator[Metric]:
    pending = WebhookDelivery.objects.filter(status=DeliveryStatus.PENDING)
    yield GaugeMetricFamily("tundra_webhooks_pending", "Webhooks that have yet to arrive.", pending.count())
    attempts = CounterMetricFamily(
        "tundra_webhook_attempts", "Attempts to deliver webhooks by what became of them.", labels=["outcome"]
    )
    for outcome, count in WebhookTotal.objects.values_list("outcome", "attempts"):
        attempts.add_metric([outcome], count)
    yield attempts


def _durations() -> Metric:
    """Of the attempts that ended jobs; a cancelled job says nothing of how long conversions take."""
    histogram = HistogramMetricFamily(
        "tundra_job_duration_seconds", "Run time of the attempt that ended a job.", labels=["kind", "status"]
    )
    series: dict[tuple[str, str], dict[float, int]] = defaultdict(lambda: defaultdict(int))
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    for total in JobTotal.objects.exclude(status=JobStatus.CANCELLED):
        key = (total.kind, total.status)
        seconds[key] += total.seconds
        series[key][total.within_seconds] += total.jobs
    for key, jobs in series.items():
        buckets, cumulated = [], 0
        for bound in BOUNDS:
            cumulated += jobs[bound]
            buckets.append((str(floatToGoString(bound)), cumulated))  # type: ignore[no-untyped-call]
        histogram.add_metric(list(key), buckets, seconds[key])
    return histogram
