"""Sends webhooks beside the conversions: a few threads of each queue worker that wait for receivers, not for jobs.

Through the queue, a message would stand behind every job that waits, and a slow receiver would keep a worker from
converting. So the table is looked at instead, and neither holds up the other.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import structlog
from django.db import Error, close_old_connections, connection

from conversions import webhooks
from conversions.models import WebhookDelivery

logger = structlog.stdlib.get_logger(__name__)
_LOOK_SECONDS = 1.0
_PLACES = 4


def start(**_: Any) -> None:
    """Send what is due from now on, for as long as this process lives."""
    threading.Thread(target=_run, name="messenger", daemon=True).start()


def _run() -> None:
    places = threading.BoundedSemaphore(_PLACES)
    while True:
        close_old_connections()
        try:
            _send_due(places)
        except Exception:
            logger.exception("which webhooks are due is not known")  # without this thread nobody would be told
        time.sleep(_LOOK_SECONDS)


def _send_due(places: threading.BoundedSemaphore) -> None:
    """Send until nothing is due, so many at once as there are places."""
    while True:
        places.acquire()
        delivery = None
        try:
            delivery = webhooks.claim_next()
        finally:
            if delivery is None:
                places.release()
        if delivery is None:
            return
        threading.Thread(target=_send, args=(delivery, places), name="webhook", daemon=True).start()


def _send(delivery: WebhookDelivery, places: threading.BoundedSemaphore) -> None:
    try:
        webhooks.deliver(delivery)
    except Error:
        logger.exception("what became of a webhook was not kept")  # its claim runs out, then it is attempted again
    finally:
        connection.close()
        places.release()
