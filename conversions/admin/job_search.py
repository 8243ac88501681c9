"""Finding jobs by what people have at hand: an id or its beginning, a request's id, a table, a file, a host."""

from __future__ import annotations

import re
import uuid

from django.db.models import Q, QuerySet

from conversions.models import ConversionJob

Jobs = QuerySet[ConversionJob]
MOST_SEARCHED = 20_000
_ID = re.compile(r"[0-9a-f]{4,32}")


def search(jobs: Jobs, text: str) -> Jobs:
    """The jobs that a text is about.

    Ids are found by their index. Names are looked for in the newest jobs of those given, so that no search reads
    the whole table.
    """
    digits = text.strip().lower().replace("-", "")
    if _ID.fullmatch(digits) and (found := jobs.filter(_begins_with(digits))).exists():
        return found
    newest = _newest(jobs)
    words = Q()
    for word in text.split():
        words &= Q(source__icontains=word) | Q(destination__icontains=word) | Q(request_id=word)
    return newest.filter(words)


def _begins_with(digits: str) -> Q:
    first, last = uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))
    return Q(pk__gte=first, pk__lte=last)


def _newest(jobs: Jobs) -> Jobs:
    times = jobs.order_by("-created_at").values_list("created_at", flat=True)
    limit = list(times[MOST_SEARCHED : MOST_SEARCHED + 1])
    return jobs.filter(created_at__gt=limit[0]) if limit else jobs
