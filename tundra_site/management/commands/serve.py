"""``manage.py serve``: the whole portal in the foreground, web and workers, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import secrets
import socket
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, call_command

from conversions.engine.processes import StopSignals
from tundra_site.parts import Web, Workers, keep_running, stop


class Command(BaseCommand):
    """Run web (gunicorn) and workers as parts of one portal, and stop them together."""

    help = "Run the portal in the foreground: web and workers; start them again when they die or are stuck."

    def handle(self, *_: Any, **__: Any) -> None:
        """Prepare, start, watch, stop."""
        _refuse_taken_port()
        call_command("check", deploy=not settings.TUNDRA.IS_DEV, fail_level="ERROR")
        call_command("migrate", verbosity=0)
        self._ensure_superuser()
        signals = StopSignals()
        parts = [Web(), Workers()]
        self.stdout.write(
            f"Halatio Tundra is at http://localhost:{settings.TUNDRA.PORT} (console: /admin/, API: /docs)"
        )
        keep_running(parts, signals)
        stop(parts)

    def _ensure_superuser(self) -> None:
        users = get_user_model()
        if users.objects.filter(is_superuser=True).exists():
            return
        password = secrets.token_urlsafe(12)
        users.objects.create_superuser("admin", "", password)
        self.stdout.write(f"Created the superuser 'admin' with the password {password} (shown this once).")


def _refuse_taken_port() -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.TUNDRA.HOST, settings.TUNDRA.PORT))
        except OSError as error:
            raise CommandError(
                f"Port {settings.TUNDRA.PORT} cannot be listened at ({error.strerror}); set PORT to another one."
            ) from error
