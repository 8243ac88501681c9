"""The worker's end of the engine: start the fork server, hand it an assignment, follow or end the attempt."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from conversions.engine.processes import private_memory
from conversions.engine.server import EXIT, KILL, READY, START

START_SECONDS = 120.0  # imports take long on a busy machine
_PATIENCE_SECONDS = 20.0  # with a fork server that says nothing; less than the lease of whoever waits for it
_GOODBYE_SECONDS = 5.0
# jemalloc takes less memory and time than mimalloc, Arrow's choice. BLAS is not used, and its threads spin at first.
ENVIRONMENT = {"ARROW_DEFAULT_MEMORY_POOL": "jemalloc", "OPENBLAS_NUM_THREADS": "1"}
_ROOT = Path(__file__).resolve().parents[2]
# A child needs the cloud's identity and the locale, never the portal's own keys.
_WITHHELD = (
    "SECRET_KEY",
    "DATABASE_URL",
    "REDIS_URL",
    "METRICS_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended.

    Attributes:
        signal_number: the signal that killed it, or None.
        code: its exit code.
        peak_memory: resident bytes at its highest.
    """

    signal_number: int | None
    code: int
    peak_memory: int

    def __str__(self) -> str:
        if self.signal_number is not None:
            return f"killed by {signal.Signals(self.signal_number).name}"
        return f"exit code {self.code}"


class Child:
    """A running child. Leave it with ``finish``, which leaves no process behind."""

    def __init__(self, engine: Engine, control: socket.socket, connection: Connection) -> None:
        self._engine = engine
        self._control = control
        self._connection = connection
        self._pid = 0

    def next_message(self, timeout: float) -> dict[str, Any] | None:
        """The child's next message; None when there was none for ``timeout`` seconds.

        Raises:
            EOFError: the child has ended.
        """
        if not self._connection.poll(timeout):
            return None
        try:
            message: dict[str, Any] = json.loads(self._connection.recv_bytes())
        except OSError as error:  # reset, or cut off in the middle of a message
            raise EOFError from error
        self._pid = message.get("pid", self._pid)
        return message

    def memory(self) -> int:
        """Bytes of memory the child holds now."""
        return private_memory(self._pid) if self._pid else 0

    def kill(self) -> None:
        """End the child at once. Harmless when it has ended."""
        with suppress(OSError):  # the server is gone, and the kernel has taken its child along
            self._control.sendall(KILL)

    def finish(self) -> Exit:
        """Wait until the child is gone."""
        self._connection.close()
        self._control.settimeout(_PATIENCE_SECONDS)
        try:
            packed = self._control.recv(EXIT.size, socket.MSG_WAITALL)
        except TimeoutError:
            # The server is stuck, and what it would still say must not be taken for word of the next child.
            self._engine.stop()
            packed = b""
        except ConnectionResetError:
            packed = b""
        if len(packed) < EXIT.size:
            return Exit(signal.SIGKILL, 0, 0)  # the server is gone, and the kernel has taken its child along
        status, peak = EXIT.unpack(packed)
        code = os.waitstatus_to_exitcode(status)
        return Exit(-code if code < 0 else None, max(code, 0), peak)


class Engine:
    """A fork server of this process's own, started when first needed and again should it die."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._is_ready = False
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the server; it warms up by itself."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._spawn()

    def warm_up(self, seconds: float = START_SECONDS) -> bool:
        """Wait until the server is ready for a child, but not longer; whether it is.

        Raises:
            EOFError: it did not start. The next call starts a new one.
        """
        try:
            self._ready_control(seconds)
        except TimeoutError:
            return False
        except (EOFError, OSError) as error:
            self.stop()
            raise EOFError("The fork server did not start; its reason is in the log.") from error
        return True

    def begin(self, assignment: dict[str, Any]) -> Child:
        """Start a child on an assignment (JSON-ready).

        Raises:
            EOFError: the child did not begin, as when the server has died meanwhile. The next call starts a new one.
        """
        try:
            return self._begin(assignment)
        except (EOFError, OSError) as error:
            self.stop()  # whatever it would still say of this child must not be taken for word of the next
            raise EOFError("The child did not begin.") from error

    def _begin(self, assignment: dict[str, Any]) -> Child:
        control = self._ready_control(START_SECONDS)
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(control, [START], [theirs.fileno()])
        connection = Connection(ours.detach())
        connection.send_bytes(json.dumps(assignment, default=str).encode())
        child = Child(self, control, connection)
        if child.next_message(_PATIENCE_SECONDS) is None:
            raise TimeoutError
        return child

    def stop(self) -> None:
        """End the server, and with it any child."""
        with self._lock:
            if self._control is not None:
                self._control.close()
            if self._process is not None:
                if not self._is_ready:
                    self._process.kill()  # it would not notice before its imports are done
                _end(self._process)
            self._process = self._control = None

    def _ready_control(self, seconds: float) -> socket.socket:
        self.start()
        assert self._control is not None  # noqa: S101 - start() made it
        if not self._is_ready:
            self._control.settimeout(seconds)
            if self._control.recv(1) != READY:
                raise EOFError
            self._is_ready = True
        return self._control

    def _spawn(self) -> None:
        if self._control is not None:
            self._control.close()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "conversions.engine.server", str(os.getpid()), str(theirs.fileno())],
                cwd=_ROOT,
                env=ENVIRONMENT | {name: value for name, value in os.environ.items() if not name.startswith(_WITHHELD)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # a Ctrl-C in the terminal is for the worker to handle
            )
        self._is_ready = False


def _end(server: subprocess.Popen[bytes]) -> None:
    """Wait for a server that was hung up on; one that is stuck does not notice."""
    try:
        server.wait(_GOODBYE_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
