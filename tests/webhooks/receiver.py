"""A receiver of webhooks that keeps what it was sent and answers as it is told."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

HANG, DRIP = -1, -2


@dataclass(frozen=True, slots=True)
class Message:
    """A request as it came."""

    target: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        """What a receiver tells messages apart by."""
        return self.headers["webhook-id"]

    def opened(self, secret: str) -> dict[str, Any]:
        """What it tells, once the specification's own library has verified it."""
        told: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return told


class Receiver:
    """Start with ``with``. Each path has answers of its own, then 204 for ever."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._answers: dict[str, deque[int]] = defaultdict(deque)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Receiver:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def url(self, path: str, *answers: int) -> str:
        """Where to send, by a URL that holds a secret; the first requests are answered with these statuses."""
        self._answers[path].extend(answers)
        return f"http://{self.host}/{path}?token=s3cret"

    def messages(self, path: str) -> list[Message]:
        """What has come to a path so far."""
        return [message for message in self._messages if message.target.partition("?")[0] == f"/{path}"]

    def wait_for(self, path: str, count: int = 1, seconds: float = 60) -> list[Message]:
        """The messages of a path, once there are so many."""
        deadline = time.monotonic() + seconds
        while len(found := self.messages(path)) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(found)} of {count} messages came to {path}")
            time.sleep(0.05)
        return found

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver._messages.append(Message(self.path, headers, body, time.time()))
                answers = receiver._answers[self.path.partition("?")[0].removeprefix("/")]
                self._answer(answers.popleft() if answers else 204)

            def _answer(self, status: int) -> None:
                if status == HANG:
                    time.sleep(60)
                    return
                if status == DRIP:
                    with suppress(OSError):
                        while True:
                            self.wfile.write(b"H")
                            time.sleep(0.5)
                    return
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", f"http://{receiver.host}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
