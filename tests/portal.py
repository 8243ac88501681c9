"""A real portal as a process of its own: ``manage.py serve`` (gunicorn and qcluster) on a free port, with no past."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from conversions.engine.processes import die_with_parent
from tests import migrated

ROOT = migrated.ROOT


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, its JSON parsed where it is JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Portal:
    """Start with ``with``; ``url`` is where it answers, ``output`` what it printed.

    ``prefix`` is a command that starts the portal as its own last arguments say, and becomes it.
    ``after``: ``clone``, when there is not even a database.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        store_hosts: Sequence[str] = (),
        prefix: Sequence[str] = (),
        after: str = "migrate",
        **environment: str,
    ) -> None:
        self.data_dir = data_dir
        self._prefix = prefix
        self._after = after
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = data_dir / "portal.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.environment = {
            **os.environ,
            "ENV": "dev",
            "PORT": str(self.port),
            "TUNDRA_DATA_DIR": str(data_dir),
            "DEV_STORAGE_HOSTS": ",".join(store_hosts),
            **environment,
        }

    def __enter__(self) -> Portal:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if self._after != "clone":
            migrated.put_into(self.data_dir)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*self._prefix, sys.executable, "manage.py", "serve"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGTERM),  # noqa: PLW1509 - a killed test run leaves nothing
            )
        self._wait_until_healthy(180)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def output(self) -> str:
        """Everything web and workers have printed so far."""
        return self._log.read_text()

    @property
    def pid(self) -> int:
        """The serving process."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> int:
        """SIGTERM, as a deploy does; the exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def post(self, path: str, body: Any, **headers: str) -> dict[str, Any]:
        """POST JSON and return the answer's JSON; anything but 200 is a failure."""
        answer = self.request("POST", path, body, **headers)
        if answer.status != 200:
            raise AssertionError(f"{path} answered {answer.status}: {answer.body}")
        found: dict[str, Any] = answer.body
        return found

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; header names with ``_`` for ``-``."""
        sent = {"Content-Type": "application/json"} if body is not None else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=sent, method=method)
        try:
            with urllib.request.build_opener(_NoRedirects).open(request, timeout=300) as response:
                return _answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            return _answer(error.code, error.headers, error.read())

    def _wait_until_healthy(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            try:
                if self.request("GET", "/health/deep").status == 200:
                    return
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(0.1)
        self.stop()
        raise AssertionError(f"The portal did not become healthy:\n{self.output}")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _answer(status: int, headers: Any, body: bytes) -> Answer:
    kind = headers.get("Content-Type", "")
    is_json = body and "json" in kind and "ndjson" not in kind
    return Answer(status, dict(headers.items()), json.loads(body) if is_json else body.decode(errors="replace"))


def free_port() -> int:
    """A TCP port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
