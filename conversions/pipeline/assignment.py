"""What a child is told: one attempt, complete and frozen, as it travels from the supervisor in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from connectors.urls import SignedUrl, UrlPolicy, parse_signed_url


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits in force.

    Attributes:
        seconds: until the attempt is over, whatever it does.
        max_file_bytes: of a source file, also decompressed; None: no limit.
        max_rows: of one conversion; None: no limit.
        connect_timeout: seconds until a connection attempt is given up.
        loopback_databases: whether a database on this machine may be read.
        sqlite_directory: the only directory whose SQLite files may be read; None: none.
        max_partitions: the most connections one job may read by.
        preview_rows: how many rows of the output are kept with the job.
    """

    seconds: float
    max_file_bytes: int | None
    max_rows: int | None
    connect_timeout: float
    loopback_databases: bool
    sqlite_directory: str | None
    max_partitions: int
    preview_rows: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """One attempt at one job.

    Attributes:
        kind: ``file``, ``database``, ``schema``, ``preview``, or ``end_sessions`` after an attempt at a database that
            was killed.
        number: which attempt it is, from 1.
        request_id: of the request that asked for it.
        request: the checked request, with whole URLs or local paths.
        urls: where each of the request's URLs may point, by field: the caller's to allowed stores, those of the
            portal's own store to that.
        temp_dir: the attempt's own directory.
        secret_store: where a database job finds its credentials, as ``StoreConfig``'s fields.
    """

    kind: str
    job_id: str
    number: int
    request_id: str
    created_at: str
    request: Mapping[str, Any]
    limits: Limits
    urls: Mapping[str, UrlPolicy]
    temp_dir: Path
    secret_store: Mapping[str, Any] | None = None

    def signed_url(self, field: str) -> SignedUrl:
        """One of the request's URLs, checked.

        Raises:
            InvalidRequest: it breaks a rule; it may have expired since the request came.
        """
        return parse_signed_url(self.request[field], self.urls[field], field=field)

    def as_json(self) -> dict[str, Any]:
        """Ready for ``json.dumps``."""
        return {**asdict(self), "temp_dir": str(self.temp_dir)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Assignment:
        """The inverse of ``as_json``."""
        return cls(
            **{
                **values,
                "limits": Limits(**values["limits"]),
                "urls": {field: UrlPolicy.from_json(policy) for field, policy in values["urls"].items()},
                "temp_dir": Path(values["temp_dir"]),
            }
        )
