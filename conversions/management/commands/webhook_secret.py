"""``manage.py webhook_secret [USER]``: what a user's webhooks are signed with."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from connectors.commands import PortalCommand, existing_user
from conversions import webhook_secrets


class Command(PortalCommand):
    """Show or rotate a secret."""

    help = "Print the secret that webhooks are signed with; it is made when it is first asked for."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose, and whether a new one."""
        parser.add_argument(
            "user",
            metavar="USER",
            nargs="?",
            help="whose jobs; not given: those of callers without account",
        )
        parser.add_argument(
            "--rotate", action="store_true", help="make a new one; the former one signs beside it for a day"
        )

    def run(self, **given: Any) -> None:
        """Print it."""
        user = existing_user(given["user"]) if given["user"] else None
        secret = webhook_secrets.rotate(user) if given["rotate"] else webhook_secrets.present(user)
        self.stdout.write(webhook_secrets.text_of(secret))
