"""The store's HTTP side: GET with ranges, HEAD, PUT and DELETE of objects, lists of them, and a door for faults."""

from __future__ import annotations

import io
import json
import re
import socket
import ssl
import struct
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote
from xml.sax.saxutils import escape

from tests.store import signature
from tests.store.body import Body, WrongDigest, changed
from tests.store.faults import STATUS_CODES, Fault, Faults
from tests.store.listing import listing
from tests.store.objects import Objects, StoredObject

_PIECE = 1 << 18


class Store(ThreadingHTTPServer):
    """A store on 127.0.0.1; ``port`` 0 takes a free one. ``certificate``: a PEM with chain and key for https."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, directory: Path, port: int = 0, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.objects = Objects(directory)
        self.faults = Faults()
        self._log = (directory / "requests.jsonl").open("a", buffering=1)
        self._log_lock = threading.Lock()
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def record(self, **entry: Any) -> None:
        """Add a line to ``requests.jsonl``."""
        with self._log_lock:
            self._log.write(json.dumps(entry) + "\n")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Show a bug of the store; a client that goes away is none of its business."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Store
    fault: Fault | None = None
    key: str = ""
    _recorded = False

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Requests are recorded in the store's own log."""

    def do_GET(self) -> None:
        """Send an object, or the part of it that Range asks for."""
        if not self._allowed():
            return
        if "/" in self.key:
            self._send_object(with_body=True)
        else:
            self._answer(200, listing(self.server.objects, self.key, self.path), {"Content-Type": "application/xml"})

    def do_HEAD(self) -> None:
        """Send what GET would say of an object."""
        if self._allowed():
            self._send_object(with_body=False)

    def do_PUT(self) -> None:
        """Store the body as an object."""
        if self._allowed():
            self._receive_object()

    def do_DELETE(self) -> None:
        """Remove an object."""
        if self._allowed():
            self.server.objects.delete(self.key)
            self._answer(204)

    def do_POST(self) -> None:
        """Take faults at ``/_faults``; ``/_faults/clear`` forgets them; the answer says how many have hit each key."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/_faults":
            self.server.faults.add(**json.loads(body))
        elif self.path == "/_faults/clear":
            self.server.faults.clear()
        self._answer(200, json.dumps(self.server.faults.hits).encode())

    def _allowed(self) -> bool:
        """Whether the request goes on: the signature is right and no fault ends it here."""
        target = self.requestline.split(" ")[1]  # self.path has been tidied up, which a signature does not survive
        self.key = unquote(target.partition("?")[0][1:])
        self.fault, self._recorded = None, False
        headers = {name.lower(): value for name, value in self.headers.items()}
        if refused := signature.refusal(self.command, target, headers):
            self._refuse(refused.status, refused.code, refused.message)
            return False
        self.fault = self.server.faults.take(self.command, self.key)
        return not (self.fault and self._ended_by_fault(self.fault))

    def _ended_by_fault(self, fault: Fault) -> bool:
        match fault.fault:
            case "hang":
                time.sleep(fault.seconds)
                return False
            case "reset" if not fault.after:
                self._reset()
            case "garbage":
                self._record(0)
                self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
                self.close_connection = True
            case "refuse_early":
                self._answer(403, _error_xml("AccessDenied", "Request has expired"), drain=False)
            case "redirect":
                self._answer(307, headers={"Location": fault.location})
            case "error_page_200":
                self._answer(200, _error_xml("AccessDenied", "Access Denied"), {"Content-Type": "application/xml"})
            case "html_200":
                page = b"<!DOCTYPE html>\n<html><body>Please sign in</body></html>"
                self._answer(200, page, {"Content-Type": "text/html"})
            case status if status.isdigit():
                headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
                self._refuse(int(status), fault.code or STATUS_CODES[int(status)], "As the test asked", headers)
            case _:
                return False
        return True

    def _send_object(self, *, with_body: bool) -> None:
        opened = self.server.objects.open(self.key)
        if opened is None:
            self._refuse(404, "NoSuchKey", f"The specified key does not exist: {self.key}")
            return
        stored, file = opened
        with file:
            self._send_stored(stored, file, with_body=with_body)

    def _send_stored(self, stored: StoredObject, file: BinaryIO, *, with_body: bool) -> None:
        headers = {**self._etag(stored.md5), "Content-Type": stored.content_type, "Accept-Ranges": "bytes"}
        if self.headers.get("If-Match", headers.get("ETag")) != headers.get("ETag"):
            self._refuse(412, "PreconditionFailed", "At least one of the preconditions did not hold")
            return
        start, end = self._range(stored.size)
        if start >= end and stored.size:
            self._refuse(416, "InvalidRange", "The requested range is not satisfiable")
            return
        partial = (start, end) != (0, stored.size)
        if partial:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{stored.size}"
        self._send_head(206 if partial else 200, end - start, headers)
        if with_body:
            self._send_body(file, start, end)

    def _range(self, size: int) -> tuple[int, int]:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not asked or self._has("ignore_range"):
            return 0, size
        return int(asked[1]), min(int(asked[2]) + 1, size) if asked[2] else size

    def _send_head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self._record(status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self._has("gzip_header"):
            self.send_header("Content-Encoding", "gzip")
        if self._has("chunked"):
            self.send_header("Transfer-Encoding", "chunked")
        elif not self._has("no_length"):
            self.send_header("Content-Length", str(length))
        if self._has("no_length"):
            self.close_connection = True
        self.end_headers()

    def flush_headers(self) -> None:
        """Send the head, slowly where the fault says so."""
        if self.fault and self.fault.fault == "slow_head":
            wire, head = self.wfile, io.BytesIO()
            self.wfile = head
            super().flush_headers()
            self.wfile = wire
            self._write_slowly(head.getvalue(), self.fault)
        else:
            super().flush_headers()

    def _send_body(self, file: BinaryIO, start: int, end: int) -> None:
        file.seek(start)
        left = self._bytes_to_send(end - start)
        while left and (piece := file.read(min(_PIECE, left))):
            left -= len(piece)
            self._write_piece(changed(piece) if self._has("corrupt") and not left else piece)
        self._end_body(end - start)

    def _bytes_to_send(self, length: int) -> int:
        if self.fault is None or self.fault.fault not in {"truncate", "reset", "chunked"}:
            return length
        half = length if self.fault.fault == "chunked" else length // 2
        return half if self.fault.after is None else min(self.fault.after, length)

    def _write_piece(self, piece: bytes) -> None:
        if self.fault and self.fault.fault == "slow":
            self._write_slowly(piece, self.fault)
        elif self._has("chunked"):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        else:
            self.wfile.write(piece)

    def _write_slowly(self, content: bytes, fault: Fault) -> None:
        for place in range(0, len(content), fault.piece):
            self.wfile.write(content[place : place + fault.piece])
            time.sleep(fault.seconds)

    def _end_body(self, length: int) -> None:
        if self._has("reset"):
            self._reset()
        elif self._bytes_to_send(length) < length:
            self.close_connection = True
        elif self._has("chunked"):
            self.wfile.write(b"0\r\n\r\n")

    def _receive_object(self) -> None:
        length = self.headers.get("Content-Length")
        if length is None or "Transfer-Encoding" in self.headers:
            self._refuse(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
            return
        body = Body(self.rfile, int(length), self.headers.get("Content-MD5"), self.fault).as_file()
        try:
            stored = self.server.objects.put(self.key, body, self.headers.get("Content-Type", "binary/octet-stream"))
        except WrongDigest:
            self._answer(400, _error_xml("BadDigest", "The Content-MD5 is not the body's."), drain=False)
        except (ConnectionError, EOFError):
            self._reset()
        else:
            self._confirm(stored)

    def _confirm(self, stored: StoredObject) -> None:
        if self._has("store_then_reset"):
            self._reset()
        else:
            self._answer(200, headers=self._etag(stored.md5), drain=False)

    def _etag(self, md5: str) -> dict[str, str]:
        match self.fault.fault if self.fault else "":
            case "wrong_etag":
                return {"ETag": f'"{"0123456789abcdef" * 2}"'}
            case "multipart_etag":
                return {"ETag": f'"{md5}-2"'}
            case "kms_etag":
                return {"ETag": f'"{md5[::-1]}"', "x-amz-server-side-encryption": "aws:kms"}
            case "no_etag":
                return {}
        return {"ETag": f'"{md5}"'}

    def _has(self, fault: str) -> bool:
        return self.fault is not None and self.fault.fault == fault

    def _refuse(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        self._answer(status, _error_xml(code, message), {"Content-Type": "application/xml", **(headers or {})})

    def _answer(
        self, status: int, body: bytes = b"", headers: dict[str, str] | None = None, *, drain: bool = True
    ) -> None:
        """Answer, having read the request's body so that the client hears it; without draining, hang up after it."""
        unread = int(self.headers.get("Content-Length", 0)) if self.command == "PUT" else 0
        if unread and drain:
            self.rfile.read(unread)
        if self.command == "PUT":
            self.close_connection = True
        self._record(status)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _reset(self) -> None:
        self._record(0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _record(self, status: int) -> None:
        if self._recorded:
            return
        self._recorded = True
        self.server.record(
            at=datetime.now(UTC).isoformat(),
            method=self.command,
            key=self.key,
            status=status,
            fault=self.fault.fault if self.fault else None,
            headers={name.lower(): value for name, value in self.headers.items()},
        )


def _error_xml(code: str, message: str) -> bytes:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f"{head}<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>".encode()
