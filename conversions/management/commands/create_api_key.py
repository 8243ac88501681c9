"""``manage.py create_api_key NAME --user USER``: an API key, printed once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from connectors.commands import PortalCommand, existing_user
from connectors.errors import InvalidRequest
from conversions import keys
from conversions.models import Scope


class Command(PortalCommand):
    """Make a key for a user."""

    help = "Make an API key. The key is the last line printed; nobody can read it again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose it is and what for."""
        parser.add_argument("name", metavar="NAME", help="what the key is for, e.g. nightly-export")
        parser.add_argument("--user", required=True, metavar="USER", help="whom the key works for")
        parser.add_argument(
            "--scope", action="append", choices=Scope.values, default=[], help="repeatable; none given: all"
        )
        parser.add_argument(
            "--expires", metavar="WHEN", help="days from now (90d), a date or an ISO 8601 time; not given: never"
        )

    def run(self, **given: Any) -> None:
        """Make it and print it."""
        user = existing_user(given["user"])
        expires_at = _time(given["expires"]) if given["expires"] else None
        key, token = keys.create(given["name"], user, scopes=given["scope"], expires_at=expires_at)
        until = f"until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else "until it is revoked"
        self.stdout.write(f"API key '{key}' of {user.get_username()} for {', '.join(key.scopes)}, valid {until}:")
        self.stdout.write(token)


def _time(text: str) -> datetime:
    """When a key expires.

    Raises:
        InvalidRequest: it is no time, or in the past.
    """
    found = _parsed(text)
    if found is None:
        raise InvalidRequest(f"--expires '{text}' is not a time: give days (90d), a date or an ISO 8601 time.")
    if found <= timezone.now():
        raise InvalidRequest(f"--expires '{text}' is in the past.")
    return found


def _parsed(text: str) -> datetime | None:
    try:
        if text.endswith("d") and text[:-1].isdecimal():
            return timezone.now() + timedelta(days=int(text[:-1]))
        day = parse_date(text)
        moment = datetime(day.year, day.month, day.day) if day else parse_datetime(text)
    except (ValueError, OverflowError):
        return None
    return timezone.make_aware(moment) if moment and timezone.is_naive(moment) else moment
