"""The services of compose.yaml as processes, in production, with PostgreSQL and Redis: they convert."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from conversions.engine.processes import die_with_parent
from tests.databases.servers import PostgresServer, running
from tests.deploy.test_manifests import COMPOSE, make_secrets
from tests.e2e.test_uploads import PEOPLE, multipart
from tests.faults.servers import RedisServer, database_url
from tests.portal import ROOT, free_port

HOST = "tundra.example.com"


class Composed:
    """Runs a service as compose would: its command and environment, with the mounted files where they are here."""

    def __init__(self, home: Path, postgres: PostgresServer, redis: RedisServer) -> None:
        self.home = home
        self.port = free_port()
        self.secrets = make_secrets(home)
        (self.secrets / "database_url").write_text(database_url(postgres, "composed"))
        self._places = {"/run/secrets": str(self.secrets), "redis://redis:6379/0": redis.url}

    def command(self, service: str, *arguments: str) -> list[str]:
        """What the service's container starts."""
        described = COMPOSE["services"][service]
        program, *rest = described.get("entrypoint", ["python", "manage.py"])
        return [str(Path(sys.executable).parent / program), *rest, *(arguments or described["command"])]

    def environment(self, service: str) -> dict[str, str]:
        """Its variables, and those of the image."""
        own = {"ALLOWED_HOSTS": HOST, "TUNDRA_DATA_DIR": str(self.home / "data"), "HOST": "127.0.0.1"}
        given = {}
        for name, value in COMPOSE["services"][service]["environment"].items():
            for there, here in self._places.items():
                value = value.replace(there, here)  # noqa: PLW2901
            given[name] = value
        return {**os.environ, **given, **own, "PORT": str(self.port)}

    def run(self, service: str, *arguments: str, **environment: str) -> str:
        """``docker compose run``: what it printed."""
        done = subprocess.run(
            self.command(service, *arguments),
            cwd=ROOT,
            env=self.environment(service) | environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    @contextlib.contextmanager
    def up(self, *services: str) -> Iterator[None]:
        """``docker compose up``, then ``down``: everything has to end well within its grace period."""
        started = [
            subprocess.Popen(
                self.command(service),
                cwd=ROOT,
                env=self.environment(service),
                preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGTERM),  # noqa: PLW1509 - a killed test run leaves nothing
            )
            for service in services
        ]
        try:
            yield
        finally:
            for process in started:
                process.terminate()
            ends = [process.wait(40) for process in started]
        assert ends == [0] * len(services)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        """One request as the proxy in front passes it on."""
        sent = {"Host": HOST, "X-Forwarded-Proto": "https", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def wait_until_healthy(self) -> None:
        """Until every part answers, the workers too."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if self.ask("GET", "/health/deep")[0] == 200:
                    return
            time.sleep(0.2)
        raise AssertionError(self.ask("GET", "/health/deep"))


@pytest.fixture
def composed(tmp_path: Path) -> Iterator[Composed]:
    """The services with servers of their own."""
    with running(PostgresServer()) as postgres, running(RedisServer()) as redis:
        yield Composed(tmp_path, postgres, redis)


def test_the_services_of_compose_convert(composed: Composed) -> None:
    composed.run("migrate")
    composed.run(
        "migrate", "createsuperuser", "--noinput", "--username=ada", "--email=ada@example.com",
        DJANGO_SUPERUSER_PASSWORD="a-long-password",
    )  # fmt: skip
    key = composed.run("migrate", "create_api_key", "nightly", "--user", "ada").split()[-1]
    with composed.up("web", "workers"):
        composed.wait_until_healthy()
        allowed = {"Authorization": f"Bearer {key}"}
        body, content_type = multipart(PEOPLE)
        status, answer = composed.ask("POST", "/uploads", body, **allowed, Content_Type=content_type)
        assert status == 201, answer
        wanted = {"upload_id": json.loads(answer)["upload_id"], "format": "csv"}
        status, answer = composed.ask("POST", "/convert/file", wanted, **allowed)
        assert status == 200, answer
        assert json.loads(answer)["metadata"]["rows"] == 2
        assert composed.ask("POST", "/convert/file", wanted)[0] == 401
        token = (composed.secrets / "metrics_token").read_text()
        status, answer = composed.ask("GET", "/metrics", Authorization=f"Bearer {token}")
        assert b"tundra_workers 5.0" in answer
