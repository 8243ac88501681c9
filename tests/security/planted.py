"""A portal with a needle planted in every secret, and all the places where one could come to light."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.databases.servers import MariaServer, PostgresServer
from tests.manage import manage
from tests.portal import Answer, Portal
from tests.store.client import ObjectStore

SECRET_KEY = "needle-secret-key-" + "k" * 50
PASSWORD = "needle-password-that-is-right"
WRONG_PASSWORD = "needle-password-that-is-wrong"
CONSOLE_PASSWORD = "needle-console-password"
WEBHOOK_TOKEN = "needle-webhook-token"


class Planted:
    """Uses a portal through its doors, remembers every secret it hands over and everything that is said back."""

    def __init__(self, portal: Portal, store: ObjectStore, key: str) -> None:
        self.portal = portal
        self.store = store
        self.needles = {SECRET_KEY, PASSWORD, WRONG_PASSWORD, CONSOLE_PASSWORD, WEBHOOK_TOKEN, key}
        self.said: dict[str, list[str]] = {"answers": [], "pages": [], "commands": []}
        self.jobs: list[str] = []
        self._key = key
        self._count = 0

    def url(self, method: str, key: str) -> str:
        """A signed URL; its signature is a needle."""
        url = self.store.presign(method, key)
        self.needles.add(url.rpartition("X-Amz-Signature=")[2].partition("&")[0])
        return url

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request with the key."""
        answer = self.portal.request(method, path, body, Authorization=f"Bearer {self._key}", **headers)
        self.said["answers"].append(json.dumps(answer.body) + json.dumps(dict(answer.headers)))
        return answer

    def convert(self, content: bytes, kind: str = "csv", fault: str = "", method: str = "GET", **fields: Any) -> str:
        """Submit a conversion whose store may misbehave; the job's id."""
        self._count += 1
        name = f"planted/{self._count}-{fault}"
        self.store.put(name, content)
        urls = {"source_url": self.url("GET", name), "output_url": self.url("PUT", f"{name}.parquet")}
        if fault:
            lasting = fault in ("403", "redirect", "error_page_200")
            key = name if method == "GET" else f"{name}.parquet"
            self.store.inject(fault, method=method, key=key, times=-1 if lasting else 1)
        return self.submit("/convert/file", {**urls, "format": kind, **fields})

    def submit(self, path: str, body: dict[str, Any]) -> str:
        """Submit a job without waiting; its id."""
        answer = self.ask("POST", path, body, Prefer="respond-async")
        assert answer.status == 202, answer.body
        self.jobs.append(str(answer.body["job_id"]))
        return self.jobs[-1]

    def wait_for_all(self) -> dict[str, str]:
        """How every job ended: its status, or its error's code."""
        ends = {}
        for job_id in self.jobs:
            deadline = time.monotonic() + 120
            while (job := self.ask("GET", f"/jobs/{job_id}").body)["status"] in ("queued", "running"):
                assert time.monotonic() < deadline, job
                time.sleep(0.3)
            ends[job_id] = job["error"]["code"] if job["error"] else job["status"]
        return ends

    def command(self, *arguments: str, given: str = "") -> int:
        """Run ``manage.py`` with the portal's own settings; its exit code."""
        done = manage(
            self.portal.data_dir.parent,
            *arguments,
            given=given,
            data_dir=self.portal.data_dir,
            SECRET_KEY=SECRET_KEY,
            DEV_STORAGE_HOSTS=self.store.host,
        )
        self.said["commands"].append(done.stdout + done.stderr)
        return done.returncode

    def places(self) -> Iterator[tuple[str, bytes]]:
        """Everything that was said or written, place by place."""
        for name, texts in self.said.items():
            yield name, "\n".join(texts).encode()
        yield "log", self.portal.output.encode()
        with contextlib.closing(sqlite3.connect(self.portal.data_dir / "db.sqlite3")) as database:
            yield "database", "\n".join(database.iterdump()).encode(errors="replace")
        for path in self.portal.data_dir.rglob("*"):
            # The output of the portal's own store and what attempts left are here too.
            with contextlib.suppress(FileNotFoundError):
                yield f"file {path.relative_to(self.portal.data_dir)}", path.read_bytes() if path.is_file() else b""
        for number in range(1, self._count + 1):
            for entry in {entry["key"] for entry in self.store.requests("PUT") if f"planted/{number}-" in entry["key"]}:
                with contextlib.suppress(KeyError):
                    content = self.store.get(entry.partition("/")[2])
                    yield f"Parquet {entry}", content + repr(pq.read_metadata(io.BytesIO(content)).metadata).encode()


class Processes:
    """Looks again and again at the arguments and the environment of every process of a portal."""

    # The operator gives these to the portal in its environment, and a command's URLs as its own arguments.
    _given = re.compile(rb"(SECRET_KEY|METRICS_TOKEN)=[^\0]*\0|.*manage\.py\0convert_file\0.*")

    def __init__(self, data_dir: Path) -> None:
        self._mark = f"TUNDRA_DATA_DIR={data_dir}\0".encode()
        self._seen: set[bytes] = set()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Processes:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def seen(self) -> bytes:
        """All of it."""
        return b"\n".join(self._given.sub(b"", text) for text in self._seen)

    def _look(self) -> None:
        while not self._done.wait(0.7):
            for entry in Path("/proc").iterdir():
                with contextlib.suppress(OSError):
                    if entry.name.isdigit() and self._mark in (environment := (entry / "environ").read_bytes()):
                        self._seen |= {environment, (entry / "cmdline").read_bytes()}


def with_account(server: PostgresServer | MariaServer) -> dict[str, Any]:
    """An account on a server whose password is a needle."""
    if isinstance(server, PostgresServer):
        with server.connect_as_owner() as owner:
            owner.execute(f"CREATE ROLE planted LOGIN PASSWORD '{PASSWORD}'")
    else:
        with server.connect_as_owner() as connection, connection.cursor() as owner:
            owner.execute(f"CREATE USER planted IDENTIFIED BY '{PASSWORD}'")
            owner.execute("GRANT SELECT ON *.* TO planted")
    return server.credentials(username="planted", password=PASSWORD)


def without_account(server: PostgresServer | MariaServer) -> None:
    """Take it away again."""
    if isinstance(server, PostgresServer):
        with server.connect_as_owner() as owner:
            owner.execute("DROP ROLE planted")
    else:
        with server.connect_as_owner() as connection, connection.cursor() as cursor:
            cursor.execute("DROP USER planted")
