"""``manage.py serve``: the whole portal in the foreground, web and workers, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, call_command

from conversions.engine.processes import die_with_parent

_STOP_SECONDS = 30


class Command(BaseCommand):
    """Run web (gunicorn) and workers (qcluster) as children and stop them together."""

    help = "Run the portal in the foreground: web and workers."

    def handle(self, *_: Any, **__: Any) -> None:
        """Prepare, start, watch, stop."""
        _refuse_taken_port()
        call_command("check", deploy=not settings.TUNDRA.IS_DEV, fail_level="ERROR")
        call_command("migrate", verbosity=0)
        self._ensure_superuser()
        stopping = _on_signals()
        children = {"web": _start(_web()), "workers": _start(_workers())}
        self.stdout.write(
            f"Halatio Tundra is at http://localhost:{settings.TUNDRA.PORT} (console: /admin/, API: /docs)"
        )
        failed = _watch(children, stopping)
        _stop([*children.values()])
        if failed is not None:
            sys.exit(f"A part of the portal ended by itself: {failed}")

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


def _web() -> list[str]:
    return [
        sys.executable,
        "-m",
        "gunicorn",
        "--config",
        str(settings.BASE_DIR / "deploy" / "gunicorn.conf.py"),
        "tundra_site.wsgi",
    ]


def _workers() -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), "qcluster"]


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    # A session of its own: a Ctrl-C in the terminal reaches this process only, which then stops its children in order.
    return subprocess.Popen(
        command,
        cwd=settings.BASE_DIR,
        start_new_session=True,
        preexec_fn=lambda: die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - this process has no other thread yet
    )


def _on_signals() -> threading.Event:
    """An event that Ctrl-C and SIGTERM set; impatient repetitions change nothing."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _watch(children: dict[str, subprocess.Popen[bytes]], stopping: threading.Event) -> str | None:
    """Wait until told to stop (None), or until a part ends by itself (its name)."""
    while not stopping.wait(0.2):
        for name, child in children.items():
            if child.poll() is not None:
                return name
    return None


def _stop(children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        child.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    for child in children:
        try:
            child.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
