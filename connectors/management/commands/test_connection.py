"""``manage.py test_connection --credentials-id ID``: connect with stored credentials."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from connectors import services
from connectors.commands import PortalCommand
from connectors.errors import NotFound
from connectors.models import Credential


class Command(PortalCommand):
    """Test one credential."""

    help = "Connect to a database with stored credentials and say what is there."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which one."""
        parser.add_argument("--credentials-id", required=True, metavar="ID")
        parser.add_argument("--json", action="store_true", help="print what was found as JSON and nothing else")

    def run(self, **given: Any) -> None:
        """Test and tell."""
        credential = Credential.objects.filter(pk=given["credentials_id"]).first()
        if credential is None:
            raise NotFound(f"There are no credentials '{given['credentials_id']}'.", code="secret_not_found")
        found = services.test(credential)
        if given["json"]:
            self.stdout.write(json.dumps(asdict(found)))
            return
        self.stdout.write(f"{credential}: {services.describe(found)}.")
