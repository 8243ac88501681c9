"""``manage.py reencrypt_secrets``: after SECRET_KEY has changed, encrypt the embedded store with the new one."""

from __future__ import annotations

from typing import Any

from connectors import services
from connectors.commands import PortalCommand
from connectors.secrets.local import LocalStore


class Command(PortalCommand):
    """Let go of SECRET_KEY_FALLBACKS."""

    help = "Encrypt every stored secret with SECRET_KEY, so that SECRET_KEY_FALLBACKS can be emptied."

    def run(self, **_: Any) -> None:
        """Encrypt all that is here."""
        store = services.secret_store()
        if not isinstance(store, LocalStore):
            self.stdout.write("Secret Manager keeps the secrets: nothing here is encrypted with SECRET_KEY for long.")
            return
        self.stdout.write(f"{store.change_key()} secrets are encrypted with the current SECRET_KEY.")
