"""``manage.py store_credentials ID --connector-type postgresql``: test credentials from stdin, then store them."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandParser

from connectors import services
from connectors.commands import PortalCommand, existing_user
from connectors.errors import InvalidRequest
from connectors.models import Credential
from connectors.secrets.store import parse_secret


class Command(PortalCommand):
    """Store or rotate one credential."""

    help = (
        "Test database credentials and store them under ID. Stdin has them as JSON: host, port (optional), database, "
        "username, password, ssl_mode (optional), ssl_root_cert (optional). An ID that exists is rotated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Who they are and who may use them."""
        parser.add_argument("id", metavar="ID", help="what requests name as credentials_id")
        parser.add_argument("--connector-type", required=True, choices=services.enabled_connectors())
        parser.add_argument("--owner", metavar="USER", help="only this user may use them; otherwise every API caller")
        parser.add_argument(
            "--existing", action="store_true", help="the secret store has the secret already: make the reference only"
        )

    def run(self, **given: Any) -> None:
        """Create or rotate."""
        credential = Credential.objects.filter(pk=given["id"]).first()
        secret = None if given["existing"] else parse_secret(sys.stdin.read())
        if credential is None or secret is None:
            services.create(
                given["id"],
                given["connector_type"],
                secret,
                owner=existing_user(given["owner"]) if given["owner"] else None,
                for_everyone=given["owner"] is None,
            )
        else:
            _rotate(credential, secret, given)
        done = "stored" if credential is None else "rotated"
        self.stdout.write(f"{given['id']} ({given['connector_type']}): the connection works; {done}.")


def _rotate(credential: Credential, secret: dict[str, Any], given: dict[str, Any]) -> None:
    if credential.connector_type != given["connector_type"]:
        raise InvalidRequest(f"'{credential}' is for {credential.connector_type}; choose another ID.")
    if given["owner"] is not None:
        raise InvalidRequest(f"'{credential}' exists: who may use it is changed in the console.")
    services.rotate(credential, secret)
