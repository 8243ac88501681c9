"""The audit log: who did what to what, and when. Nobody adds, changes or removes a line here."""

from __future__ import annotations

import json
import re
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator

from connectors.models import Event

_ID = re.compile(r"\b([0-9a-f]{8})-?[0-9a-f-]{24,27}\b")
_PAGES = {
    "job": "admin:conversions_conversionjob_change",
    "credential": "admin:connectors_credential_change",
    "api_key": "admin:conversions_apikey_change",
    "schedule": "admin:conversions_schedule_change",
    "user": "admin:auth_user_change",
    "group": "admin:auth_group_change",
}


class ActorFilter(admin.SimpleListFilter):
    """What kind of actor."""

    title = "actor"
    parameter_name = "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The kinds there are."""
        return [(kind, f"{kind}s") for kind in ("user", "key", "worker", "schedule", "command", "anonymous")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Names begin with the kind."""
        return queryset.filter(actor__startswith=self.value()) if self.value() else queryset


@admin.register(Event)
class EventAdmin(ModelAdmin):  # type: ignore[misc]
    """Everything that anybody did, newest first."""

    list_display = ("time", "actor_shown", "action", "subject_link", "detail_shown", "address", "request_id")
    list_display_links = None
    list_filter = (ActorFilter, "at")
    list_per_page = 100
    paginator = InfinitePaginator
    show_full_result_count = False
    search_fields = ("subject",)
    search_help_text = "What it was done to (a job's id, a credential's), an action, an actor or a request id"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        """By one text, whole: what is looked for here has blanks in it."""
        text = search_term.strip()
        if not text:
            return queryset, False
        subjects = [text, *(f"{kind} {text}" for kind in _PAGES)]
        action = text.replace(" ", "_")
        found = Q(subject__in=subjects) | Q(request_id=text) | Q(action=action) | Q(actor__startswith=text)
        return queryset.filter(found), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Lines are written by what happens."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        """And never changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        """Or removed."""
        return False

    @admin.display(description="time (UTC)", ordering="at")
    def time(self, event: Event) -> str:
        """When, to the second."""
        return f"{event.at:%Y-%m-%d %H:%M:%S}"

    @admin.display(description="actor", ordering="actor")
    def actor_shown(self, event: Event) -> str | SafeString:
        """Who; of a worker as much as tells it apart."""
        return _shortened(event.actor)

    @admin.display(description="subject", ordering="subject")
    def subject_link(self, event: Event) -> str | SafeString:
        """What it was done to, and the way there."""
        kind, _, key = event.subject.partition(" ")
        try:
            return format_html('<a href="{}">{}</a>', reverse(_PAGES[kind], args=[key]), _shortened(event.subject))
        except (KeyError, NoReverseMatch):
            return event.subject

    @admin.display(description="detail")
    def detail_shown(self, event: Event) -> str:
        """What else is known."""
        shown = (
            f"{name}: {fact if isinstance(fact, str) else json.dumps(fact, default=str)}"
            for name, fact in event.detail.items()
            if fact != "" and name != "worker"
        )
        return ", ".join(shown)


def _shortened(name: str) -> str | SafeString:
    """A name without most of the digits of an id in it; the whole of it is there for who points at it."""
    short = _ID.sub(r"\1…", name)
    return name if short == name else format_html('<span title="{}">{}</span>', name, short)
