"""Which store there is, as plain values that travel to other processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.secrets.cache import CachedStore
from connectors.secrets.local import LocalStore
from connectors.secrets.store import SecretStore


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Where secrets are.

    Attributes:
        directory: where the embedded store and the cache keep their files.
        keys: what these files are encrypted with, the current key first.
        project_id: the Google Cloud project whose Secret Manager is used; empty: the embedded store.
        endpoint: ``host:port`` of a Secret Manager stand-in (dev only).
        cache_seconds: how long Secret Manager's answers stay good.
    """

    directory: str
    keys: tuple[str, ...] = field(repr=False)
    project_id: str = ""
    endpoint: str = ""
    cache_seconds: int = 3600

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> StoreConfig:
        """From ``dataclasses.asdict`` after a trip through JSON."""
        return cls(**{**values, "keys": tuple(values["keys"])})


def open_store(config: StoreConfig) -> SecretStore:
    """The store that the configuration names. Opening connects to nothing."""
    if not config.project_id:
        return LocalStore(Path(config.directory) / "stored", config.keys)
    from connectors.secrets.google import GoogleStore  # noqa: PLC0415 - gRPC only where it is used

    return CachedStore(
        GoogleStore(config.project_id, config.endpoint),
        Path(config.directory) / "cached" / config.project_id,
        config.keys,
        config.cache_seconds,
    )
