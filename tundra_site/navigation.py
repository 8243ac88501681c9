"""The console's sidebar: what people look for, in their words, and only what they may open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse


@dataclass(frozen=True, slots=True)
class Entry:
    """One page: its icon is a name of Material Symbols; empty ``needs``: everybody may open it."""

    title: str
    icon: str
    page: str
    needs: str = ""


ENTRIES = {
    "": (
        Entry("Dashboard", "dashboard", "index"),
        Entry("New conversion", "add_circle", "conversions_conversionjob_new", "conversions.add_conversionjob"),
        Entry("Jobs", "list_alt", "conversions_conversionjob_changelist", "conversions.view_conversionjob"),
        Entry("Schedules", "schedule", "conversions_schedule_changelist", "conversions.view_schedule"),
    ),
    "Access": (
        Entry("Credentials", "database", "connectors_credential_changelist", "connectors.view_credential"),
        Entry("API keys", "key", "conversions_apikey_changelist", "conversions.view_apikey"),
        Entry("Users", "group", "auth_user_changelist", "auth.view_user"),
        Entry("Groups", "shield_person", "auth_group_changelist", "auth.view_group"),
    ),
    "Record": (Entry("Audit log", "history", "connectors_event_changelist", "connectors.view_event"),),
}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups as unfold draws them, with the entry marked that leads nearest to where one is."""
    shown = {group: [it for it in entries if _may_open(request, it)] for group, entries in ENTRIES.items()}
    links = {it: reverse(f"admin:{it.page}") for entries in shown.values() for it in entries}
    here = max((link for it, link in links.items() if _leads_to(request.path, it, link)), key=len, default="")
    return [
        {
            "title": group,
            "items": [
                {"title": it.title, "icon": it.icon, "link": links[it], "active": links[it] == here} for it in entries
            ],
        }
        for group, entries in shown.items()
        if entries
    ]


def _may_open(request: HttpRequest, entry: Entry) -> bool:
    return not entry.needs or request.user.has_perm(entry.needs)


def _leads_to(path: str, entry: Entry, link: str) -> bool:
    """Whether a page is the entry's or below it. Everything is below the dashboard, so that says nothing."""
    return path == link or (entry.page != "index" and path.startswith(link))
