"""``ObjectStore``: starts the store as a process, signs URLs for it, looks into it and breaks it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.store import signature
from tests.store.objects import Objects

BUCKET = "tundra"
_ROOT = Path(__file__).resolve().parents[2]


class ObjectStore:
    """An object store of its own process, which ends with ``stop`` or with the process that started it.

    Args:
        directory: where objects and the log of requests are kept.
        certificate: a PEM file with chain and key: the store then speaks https.
        server_name: the host name in its URLs.
    """

    def __init__(self, directory: Path, *, certificate: Path | None = None, server_name: str = "127.0.0.1") -> None:
        self.directory = directory
        self._certificate = certificate
        self._server_name = server_name
        self._process: subprocess.Popen[str] | None = None
        self._objects = Objects(directory)
        self._log = directory / "requests.jsonl"
        self.port = 0

    def __enter__(self) -> ObjectStore:
        self.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    def start(self, port: int = 0) -> None:
        """Start the process and wait until it answers."""
        command = [sys.executable, "-m", "tests.store", "--directory", str(self.directory), "--port", str(port)]
        if self._certificate:
            command += ["--certificate", str(self._certificate)]
        self._process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def stop(self) -> None:
        """End the process; objects stay, and ``start(store.port)`` brings it back."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    @property
    def host(self) -> str:
        """Host and port, as a development host of the portal."""
        return f"{self._server_name}:{self.port}"

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self._certificate else 'http'}://{self.host}"

    def presign(
        self,
        method: str,
        key: str,
        expires: int = 900,
        *,
        signed_at: datetime | None = None,
        signed_headers: Mapping[str, str] | None = None,
    ) -> str:
        """A signed URL for one method on one object."""
        return signature.presign(method, self.url, f"{BUCKET}/{key}", expires, signed_at, signed_headers)

    def put(self, key: str, content: bytes, content_type: str = "binary/octet-stream") -> None:
        """Store an object, past the log and the faults."""
        self._objects.put(f"{BUCKET}/{key}", io.BytesIO(content), content_type)

    def put_file(self, key: str, path: Path) -> None:
        """Store a large file."""
        with path.open("rb") as file:
            self._objects.put(f"{BUCKET}/{key}", file)

    def get(self, key: str) -> bytes:
        """An object's bytes, past the log and the faults."""
        return self.path(key).read_bytes()

    def path(self, key: str) -> Path:
        """The file with an object's present bytes."""
        stored = self._objects.find(f"{BUCKET}/{key}")
        if stored is None:
            raise KeyError(key)
        return self.directory / "blobs" / stored.blob

    def exists(self, key: str) -> bool:
        """Whether there is an object under the key."""
        return self._objects.find(f"{BUCKET}/{key}") is not None

    def inject(self, fault: str, *, method: str = "*", key: str | None = None, times: int = 1, **details: Any) -> None:
        """Break the next ``times`` requests (-1: all) that match; faults and details: ``tests/store/faults.py``."""
        full_key = "*" if key is None else f"{BUCKET}/{key}"
        self._post("/_faults", {"fault": fault, "method": method, "key": full_key, "times": times, **details})

    def hits(self, key: str) -> int:
        """How many requests for an object have met a fault so far, those included that are being kept hanging."""
        return int(self._post("/_faults/hits", {}).get(f"{BUCKET}/{key}", 0))

    def clear_faults(self) -> None:
        """Work properly again."""
        self._post("/_faults/clear", {})

    def requests(self, method: str | None = None) -> list[dict[str, Any]]:
        """The requests so far, oldest first: at, method, key, status (0: no answer), fault, headers. Never a query."""
        entries = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [entry for entry in entries if method in {None, entry["method"]}]

    def _post(self, path: str, values: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(self.url + path, json.dumps(values).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
