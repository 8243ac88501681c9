"""One attempt in a process of its own: read the assignment, do it, report, exit."""

from __future__ import annotations

import json
import os
import traceback
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any, NoReturn

import structlog

from connectors.errors import ConversionError, WorkerFailed
from connectors.registry import FILE_FORMATS
from conversions.pipeline import jobs


def preload() -> None:
    """Import every source, so that a forked child finds them loaded. Importing is all that happens here."""
    for module in set(FILE_FORMATS.values()):
        import_module(module)


def main(descriptor: int) -> NoReturn:
    """Perform the assignment that comes over ``descriptor`` and answer there; never returns.

    Messages back are JSON: any number of ``{"progress": …}``, then one ``{"result": …, "inspection": …}`` or
    ``{"error": …}``.
    """
    with Connection(descriptor) as connection:
        assignment = json.loads(connection.recv_bytes())
        structlog.contextvars.bind_contextvars(
            job_id=assignment["job_id"], attempt=assignment["number"], request_id=assignment["request_id"]
        )
        send(connection, {"pid": os.getpid()})
        send(connection, _perform(assignment, connection))
    os._exit(0)


def send(connection: Connection, message: dict[str, Any]) -> None:
    """Send one message."""
    connection.send_bytes(json.dumps(message, default=str).encode())


def _perform(assignment: dict[str, Any], connection: Connection) -> dict[str, Any]:
    try:
        return jobs.perform(assignment, lambda progress: send(connection, {"progress": progress}))
    except ConversionError as error:
        return {
            "error": describe(error),
            "traceback": traceback.format_exc() if isinstance(error, WorkerFailed) else "",
        }
    except BaseException as error:  # noqa: BLE001 - the process's boundary: a Rust panic is a BaseException too
        bug = WorkerFailed(
            f"The conversion failed unexpectedly ({type(error).__name__}).",
            hint="This is a bug of the portal. Its operators find the traceback on the job.",
        )
        return {"error": describe(bug), "traceback": traceback.format_exc()}


def describe(error: ConversionError) -> dict[str, Any]:
    """An error as JSON-ready keyword arguments, to be made again in the supervisor."""
    return {
        "message": error.message,
        "code": error.code,
        "http_status": error.http_status,
        "retryable": error.retryable,
        "hint": error.hint,
    }
