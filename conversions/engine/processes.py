"""Small facts about processes that only the operating system knows."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal when its parent dies, however the parent dies (Linux).

    Args:
        parent: its process id. The parent may have died before this call; then the signal is sent at once.
        number: the signal.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


class StopSignals:
    """Ctrl-C and SIGTERM, noted; impatient repetitions change nothing.

    A handler that does more may wait for a lock that its own process holds: a signal can interrupt anything, another
    handler too. The kernel sends two where a parent with threads dies: when its main thread ends, and when it does.
    """

    def __init__(self) -> None:
        self.came = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, *_: object) -> None:
        self.came = True


def private_memory(pid: int) -> int:
    """Bytes of memory that are this process's own: anonymous and shared-memory pages, without mapped files.

    Returns 0 for a process that has just ended.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    sizes = [line.split()[1] for line in status.splitlines() if line.startswith(("RssAnon:", "RssShmem:"))]
    return sum(int(size) for size in sizes) * 1024


def yield_to_others(niceness: int) -> None:
    """Be nicer, as a session too: where the kernel groups processes by session, niceness counts only inside ours."""
    total = os.nice(niceness)
    with contextlib.suppress(OSError):  # a kernel that does not group by session
        Path("/proc/self/autogroup").write_text(str(total))


if __name__ == "__main__":  # run a command that is told to end when its parent dies
    die_with_parent(int(sys.argv[1]), signal.SIGTERM)
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - no shell is wanted
