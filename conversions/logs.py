"""Log lines: one JSON object each, with Cloud Logging's field names, in every process of the portal.

``logging``'s and structlog's loggers end in the same handler. What a process works on (request, job, attempt) is bound
with ``structlog.contextvars`` and stands in every line of that time.
"""

from __future__ import annotations

import logging
import logging.config
from typing import Any

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

TRACE = "logging.googleapis.com/trace"


def _severity(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["severity"] = event.pop("level").upper()
    return event


def _has_traceback(record: logging.LogRecord) -> bool:
    return record.exc_info is not None


# Of a foreign record only this is taken: Django also hangs the whole request on it, whose URL may hold a secret.
_FOREIGN_FIELDS = ["status_code"]
_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    _severity,
]
_LINE: list[Processor] = [
    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
    structlog.processors.format_exc_info,
    structlog.processors.UnicodeDecoder(),
    structlog.processors.EventRenamer("message"),
    structlog.processors.JSONRenderer(ensure_ascii=False),
]


def configuration(level: str) -> dict[str, Any]:
    """What ``logging.config.dictConfig`` takes, and with it Django and gunicorn."""
    quiet = {"level": "WARNING", "handlers": ["stderr"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*_SHARED, structlog.stdlib.ExtraAdder(allow=_FOREIGN_FIELDS)],
                "processors": _LINE,
            }
        },
        "filters": {"bugs": {"()": lambda: _has_traceback}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django-q": quiet,
            "gunicorn.error": quiet,
            "django.server": {"level": "WARNING"},
            "django.request": {"filters": ["bugs"]},  # the middleware logs every answer, with its request's id
        },
    }


def configure_structlog() -> None:
    """Lead structlog's loggers into ``logging``."""
    structlog.configure(
        processors=[
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def configure(level: str) -> None:
    """Set up a process that has no Django."""
    configure_structlog()
    logging.config.dictConfig(configuration(level))
