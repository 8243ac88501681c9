"""What a child is told: one attempt, complete and frozen, as it travels from the supervisor in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from connectors.urls import UrlPolicy


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
    """

    seconds: float
    max_file_bytes: int | None
    max_rows: int | None
    connect_timeout: float
    loopback_databases: bool
    sqlite_directory: str | None
    max_partitions: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """One attempt at one job.

    Attributes:
        kind: ``file``, ``database``, ``schema``, or ``end_sessions`` after a database attempt that was killed.
        number: which attempt it is, from 1.
        request: the checked request, with whole URLs or local paths.
        temp_dir: the attempt's own directory.
        secret_store: where a database job finds its credentials, as ``StoreConfig``'s fields.
    """

    kind: str
    job_id: str
    number: int
    created_at: str
    request: Mapping[str, Any]
    limits: Limits
    urls: UrlPolicy
    temp_dir: Path
    secret_store: Mapping[str, Any] | None = None

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
                "urls": UrlPolicy.from_json(values["urls"]),
                "temp_dir": Path(values["temp_dir"]),
            }
        )
