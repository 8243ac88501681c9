"""The processes a portal is made of: started, watched, started again when they die or are stuck, stopped in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress

import structlog
from django.conf import settings

from conversions import reaper
from conversions.engine.processes import StopSignals
from conversions.housekeeping import Housekeeper
from conversions.outages import Survived, contained
from conversions.pulse import Pulse

logger = structlog.stdlib.get_logger(__name__)
_LOOK_SECONDS = 0.2
_PULSE_SECONDS = 2.0
_LONG_LIFE_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 15.0


class Part:
    """A process, leader of a group of its own, that is always to run."""

    def __init__(self, name: str, *command: str) -> None:
        self._name = name
        self._command = command
        self._started_at = 0.0
        self._pause = 0.5

    def start(self) -> None:
        """Start it. It ends in good order should this process die."""
        self._started_at = time.monotonic()
        # A session of its own: a Ctrl-C in the terminal reaches this process only, which then stops its parts in order.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "conversions.engine.processes", str(os.getpid()), sys.executable, *self._command],
            cwd=settings.BASE_DIR,
            env={**os.environ, "SPT_NOENV": "1"},  # process titles leave what /proc tells of the environment alone
            start_new_session=True,
        )

    def look(self) -> None:
        """Start it again if it has died or is stuck: at once, or after a growing pause if it keeps dying."""
        if time.monotonic() < self._started_at + self._pause:
            return
        if trouble := self.trouble():
            logger.error("the portal's %s are started again: %s", self._name, trouble)
            is_young = time.monotonic() - self._started_at < _LONG_LIFE_SECONDS
            self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS) if is_young else 0.5
            self.kill(on_purpose=False)
            self.start()

    def trouble(self) -> str | None:
        """Why it has to be started again."""
        code = self._process.poll()
        return None if code is None else f"ended by itself ({code})"

    def terminate(self) -> None:
        """Ask it to end in good order."""
        self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, but not longer."""
        try:
            self._process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            logger.warning("the portal's %s did not end in time", self._name)

    def kill(self, *, on_purpose: bool) -> None:
        """End whatever is left of it: its own processes may have outlived it."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Web(Part):
    """gunicorn."""

    def __init__(self) -> None:
        config = str(settings.BASE_DIR / "deploy" / "gunicorn.conf.py")
        super().__init__("web processes", "-m", "gunicorn", "--config", config, "tundra_site.wsgi")


class Workers(Part):
    """A queue cluster."""

    def __init__(self) -> None:
        super().__init__("workers")

    def start(self) -> None:
        """Start a cluster with an id of its own."""
        self._cluster = uuid.uuid4()
        self._pulse = Pulse(self._cluster.hex)
        self._pulse_due = 0.0
        self._command = ("-m", "conversions.cluster", str(self._cluster))
        super().start()

    def trouble(self) -> str | None:
        """A cluster can be stuck without any process having ended."""
        if trouble := super().trouble():
            return trouble
        if time.monotonic() < self._pulse_due:
            return None
        self._pulse_due = time.monotonic() + _PULSE_SECONDS
        with Survived(part=self._name):
            reaper.take_back_from_the_dead(self._cluster.hex)
        return self._pulse.trouble()

    def kill(self, *, on_purpose: bool) -> None:
        """End it, and take its jobs back."""
        super().kill(on_purpose=on_purpose)
        with Survived(part=self._name):  # else the reaper does it
            reaper.take_back_from(self._cluster.hex, were_stopped=on_purpose)


def keep_running(parts: Sequence[Part], signals: StopSignals) -> None:
    """Keep parts running, and jobs from being lost, until told to stop."""
    housekeeper = Housekeeper()
    for part in parts:
        part.start()
    while not signals.came:
        for duty in (*(part.look for part in parts), housekeeper.tidy_if_due):
            with Survived():
                contained(duty)  # without this process nothing is mended any more, so nothing may end it
        time.sleep(_LOOK_SECONDS)


def stop(parts: Sequence[Part]) -> None:
    """End all parts together: what they do is finished within the time allowed, the rest is handed back."""
    for part in parts:
        part.terminate()
    deadline = time.monotonic() + settings.TUNDRA.DRAIN_SECONDS
    for part in parts:
        part.wait(deadline - time.monotonic())
        part.kill(on_purpose=True)
