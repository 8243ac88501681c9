"""An operator's questions to the list of jobs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter

from connectors.models import Credential
from conversions.models import ConversionJob
from conversions.templatetags.tundra import duration, size
from conversions.totals import JobTotal

Jobs = QuerySet[ConversionJob]
_MOST_CHOICES = 200
_NONE = Q(pk__in=[])


class JobFilter(DropdownFilter):  # type: ignore[misc]
    """One question with a few answers; each of them is found by an index."""

    def has_output(self) -> bool:
        """A question that has been answered counts, also where no answer is on offer any more."""
        return bool(self.lookup_choices or self.value())

    def queryset(self, request: HttpRequest, jobs: Jobs) -> Jobs:
        """The jobs that match the answer; all of them while there is none."""
        return jobs.filter(self.condition(self.value())) if self.value() else jobs

    def condition(self, answer: str) -> Q:
        """What a job has to be like."""
        raise NotImplementedError


class ByErrorCode(JobFilter):
    """Why did they fail?"""

    title, parameter_name = "error code", "error_code"

    def lookups(self, *_: Any) -> Iterable[tuple[str, str]]:
        """The codes that there have been, told by the totals."""
        codes = JobTotal.objects.exclude(error_code="").order_by("error_code").values_list("error_code", flat=True)
        return [(code, code) for code in codes.distinct()]

    def condition(self, answer: str) -> Q:
        """With this code."""
        return Q(error_code=answer)


class ByOwner(JobFilter):
    """Whose are they?"""

    title, parameter_name = "owner", "owner"

    def lookups(self, *_: Any) -> Iterable[tuple[str, str]]:
        """Those who have any."""
        theirs = Exists(ConversionJob.objects.filter(owner=OuterRef("pk")))
        users = User.objects.filter(theirs).order_by("username").values_list("pk", "username")[:_MOST_CHOICES]
        return [(str(key), name) for key, name in users]

    def condition(self, answer: str) -> Q:
        """Theirs."""
        return Q(owner=answer) if _is_number(answer) else _NONE


class ByCredential(JobFilter):
    """Which database did they read?"""

    title, parameter_name = "credential", "credentials_id"

    def lookups(self, *_: Any) -> Iterable[tuple[str, str]]:
        """The credentials that there are."""
        return [(name, name) for name in Credential.objects.values_list("pk", flat=True)[:_MOST_CHOICES]]

    def condition(self, answer: str) -> Q:
        """Which used it."""
        return Q(credentials_id=answer)


class SlowerThan(JobFilter):
    """Which took long?"""

    title, parameter_name = "run time", "slower"

    def lookups(self, *_: Any) -> Iterable[tuple[str, str]]:
        """In seconds."""
        return [(seconds, f"more than {duration(int(seconds))}") for seconds in ("1", "10", "60", "300")]

    def condition(self, answer: str) -> Q:
        """Whose last attempt took longer."""
        return Q(seconds__gt=int(answer)) if _is_number(answer) else _NONE


class LargerThan(JobFilter):
    """Which were big?"""

    title, parameter_name = "size", "larger"

    def lookups(self, *_: Any) -> Iterable[tuple[str, str]]:
        """In MiB."""
        return [(mib, f"more than {size(int(mib) * 2**20)}") for mib in ("1", "10", "100", "1024")]

    def condition(self, answer: str) -> Q:
        """Whose file was larger."""
        return Q(size__gt=int(answer) * 2**20) if _is_number(answer) else _NONE


class CreatedWithin(JobFilter):
    """Since when?"""

    title, parameter_name = "age", "within"

    def lookups(self, *_: Any) -> Iterable[tuple[str, str]]:
        """In hours."""
        return [("1", "the last hour"), ("24", "the last 24 hours"), ("168", "the last 7 days")]

    def condition(self, answer: str) -> Q:
        """No longer ago."""
        hours = int(answer) if _is_number(answer) else 0
        return Q(created_at__gte=timezone.now() - timedelta(hours=hours)) if hours else _NONE


def _is_number(answer: str) -> bool:
    """Whether an answer that came with an address is a number that a database and a calendar can take."""
    return answer.isdecimal() and len(answer) < 7
