"""The fork server: it has imported the engine and never used it, so a forked child is warm and sound.

Polars and gRPC deadlock in a child forked from a process that used them, and a cold interpreter takes half a second
to import them. So: import here, use only in children. One server belongs to one queue worker and dies with it; one
child runs at a time and dies with the server.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import struct
import sys

from conversions.engine.processes import die_with_parent, yield_to_others

_NICENESS = 10  # the worker that watches a conversion comes before it
READY, START, KILL = b"R", b"S", b"K"
EXIT = struct.Struct("=iq")  # wait status, peak resident memory in bytes


def serve(control: socket.socket) -> None:
    """Fork a child for every file descriptor that comes in, until the worker hangs up."""
    control.sendall(READY)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if message == START:  # a KILL here came too late: its child had already ended
            _run_child(control, descriptors[0])


def _run_child(control: socket.socket, attempt: int) -> None:
    from conversions.engine import child  # noqa: PLC0415 - see _import_everything

    server = os.getpid()
    pid = os.fork()
    if pid == 0:
        control.close()
        die_with_parent(server)
        yield_to_others(_NICENESS)
        child.main(attempt)
    os.close(attempt)
    _kill_on_demand(control, pid)
    _, status, usage = os.wait4(pid, 0)
    with contextlib.suppress(BrokenPipeError):  # the worker has gone meanwhile
        control.sendall(EXIT.pack(status, usage.ru_maxrss * 1024))


def _kill_on_demand(control: socket.socket, pid: int) -> None:
    """Return when the child has ended; kill it when told to, or when the worker is gone."""
    ended = os.pidfd_open(pid)
    try:
        watched = [ended, control.fileno()]
        while True:
            readable, _, _ = select.select(watched, [], [])
            if ended in readable:
                return
            control.recv(1)
            os.kill(pid, signal.SIGKILL)
            watched = [ended]
    finally:
        os.close(ended)


def _import_everything() -> None:
    """Only once the server is tied to its worker: imports are slow, and the worker may die meanwhile."""
    from conversions import logs  # noqa: PLC0415
    from conversions.engine import child  # noqa: PLC0415

    logs.configure("WARNING")
    child.preload()
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    _import_everything()
    with contextlib.suppress(ConnectionError):  # the worker has gone, and this server with it
        serve(socket.socket(fileno=int(sys.argv[2])))
