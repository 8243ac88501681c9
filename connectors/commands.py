"""What commands share: how they fail, and what they need before they start."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from django.contrib.auth.models import User
from django.core.management import BaseCommand, call_command
from django.db import connection

from connectors import events
from connectors.errors import ConversionError, InvalidRequest
from connectors.models import Credential

# 2 is what argparse itself exits with for wrong usage.
EXIT_BAD_INPUT, EXIT_FAILED = 2, 1


class PortalCommand(BaseCommand):
    """A command whose ``run`` may refuse with a ConversionError: exit code 2 for bad input, 1 for anything else."""

    requires_system_checks: list[str] = []

    def handle(self, *_: Any, **given: Any) -> None:
        """Run, or say in one sentence why not."""
        migrate_embedded_database()
        try:
            with events.acting_as(events.Actor("command")):
                self.run(**given)
        except ConversionError as error:
            exit_with(self, error)

    def run(self, **given: Any) -> None:
        """Do it."""
        raise NotImplementedError


def existing_user(name: str) -> User:
    """The user of that name.

    Raises:
        InvalidRequest: there is none.
    """
    user = User.objects.filter(username=name).first()
    if user is None:
        raise InvalidRequest(f"There is no user '{name}'.")
    return user


def exit_with(command: BaseCommand, error: ConversionError) -> NoReturn:
    """Say in one sentence why not, what may help, and exit."""
    command.stderr.write(command.style.ERROR(error.message))
    if error.hint:
        command.stderr.write(error.hint)
    sys.exit(EXIT_BAD_INPUT if error.http_status < 500 else EXIT_FAILED)


def migrate_embedded_database() -> None:
    """A command right after the clone needs no preparation."""
    if connection.vendor == "sqlite" and Credential._meta.db_table not in connection.introspection.table_names():
        call_command("migrate", verbosity=0)
