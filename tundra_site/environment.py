"""What the environment says, typed and checked: every variable of the portal stands here once.

A value that is missing or bad raises ``EnvError`` naming the variable and what to set. ``docs/configuration.md``
lists them all.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from environs import EnvError, FileAwareEnv, validate

from tundra_site import storage

env = FileAwareEnv(expand_vars=False)
OneOf, Range, Regexp = validate.OneOf, validate.Range, validate.Regexp
BASE_DIR = Path(__file__).resolve().parent.parent
POSITIVE = Range(min=0, min_inclusive=False)
RATE = Regexp(r"\d+/[smhd]", error="Set it like 10/m: a number of requests per s, m, h or d.")

ENV: str = env.str("ENV", "dev", validate=OneOf(["dev", "staging", "production"]))
IS_DEV = ENV == "dev"

DATA_DIR = Path(env.str("TUNDRA_DATA_DIR", str(BASE_DIR / "var"))).resolve()
WEB_CONCURRENCY: int = env.int("WEB_CONCURRENCY", 1, validate=Range(min=1, max=64))
WEB_THREADS: int = env.int("WEB_THREADS", 64, validate=Range(min=2, max=1024))
HOST: str = env.str("HOST", "127.0.0.1" if IS_DEV else "0.0.0.0")  # noqa: S104 - production is behind a proxy
PORT: int = env.int("PORT", 8080, validate=Range(min=1, max=65535))
GCP_PROJECT_ID: str = env.str("GCP_PROJECT_ID", "")
SECRET_STORE: str = env.str(
    "SECRET_STORE", "google" if GCP_PROJECT_ID else "local", validate=OneOf(["local", "google"])
)
SECRET_MANAGER_ENDPOINT: str = env.str("SECRET_MANAGER_ENDPOINT", "")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])

MAX_FILE_SIZE_MB: float = env.float("MAX_FILE_SIZE_MB", 500, validate=POSITIVE)
MAX_PROCESSING_TIME_MINUTES: float = env.float("MAX_PROCESSING_TIME_MINUTES", 10, validate=POSITIVE)
MAX_MEMORY_USAGE_GB: float = env.float("MAX_MEMORY_USAGE_GB", 2, validate=POSITIVE)
MAX_ROWS_PROCESSED: int | None = env.int("MAX_ROWS_PROCESSED", None, validate=POSITIVE)
MAX_PARTITIONS: int = env.int("MAX_PARTITIONS", 16, validate=Range(min=1, max=64))
MAX_CONCURRENT_CONVERSIONS: int = env.int("MAX_CONCURRENT_CONVERSIONS", 5, validate=Range(min=1, max=256))
STORAGE_URL: str = env.str("STORAGE_URL", "")
KEEP_OUTPUTS: bool = env.bool("KEEP_OUTPUTS", True)
OUTPUT_RETENTION_DAYS: float = env.float("OUTPUT_RETENTION_DAYS", 7, validate=POSITIVE)
UPLOAD_RETENTION_HOURS: float = env.float("UPLOAD_RETENTION_HOURS", 24, validate=POSITIVE)
JOB_RETENTION_DAYS: float = env.float("JOB_RETENTION_DAYS", 30, validate=POSITIVE)
JOB_PREVIEW_ROWS: int = env.int("JOB_PREVIEW_ROWS", 100, validate=Range(min=0, max=1000))
DRAIN_SECONDS: float = env.float("DRAIN_SECONDS", 30, validate=Range(min=0))
MAX_ATTEMPTS: int = env.int("MAX_ATTEMPTS", 3, validate=Range(min=1, max=100))
SQLITE_DIRECTORY: str = env.str("SQLITE_DIRECTORY", "")
DB_CONNECT_TIMEOUT_SECONDS: float = env.float("DB_CONNECT_TIMEOUT_SECONDS", 5, validate=POSITIVE)
SECRET_CACHE_TTL_SECONDS: int = env.int("SECRET_CACHE_TTL_SECONDS", 3600, validate=Range(min=0))

PARQUET_COMPRESSION: str = env.str("PARQUET_COMPRESSION", "snappy", validate=OneOf(["snappy", "zstd", "none"]))
PARQUET_ROW_GROUP_SIZE: int = env.int("PARQUET_ROW_GROUP_SIZE", 50_000, validate=Range(min=1, max=10_000_000))

DB_POOL_SIZE: int = env.int("DB_POOL_SIZE", 5, validate=Range(min=1))
DB_MAX_OVERFLOW: int = env.int("DB_MAX_OVERFLOW", 10, validate=Range(min=0))
DB_POOL_RECYCLE_SECONDS: int = env.int("DB_POOL_RECYCLE_SECONDS", 3600, validate=POSITIVE)
DATABASE_URL: str = env.str("DATABASE_URL", "")
REDIS_URL: str = env.str("REDIS_URL", "")

RATE_LIMIT_ENABLED: bool = env.bool("RATE_LIMIT_ENABLED", True)
RATE_LIMIT_CONVERT: str = env.str("RATE_LIMIT_CONVERT", "10/m", validate=RATE)
RATE_LIMIT_INFER: str = env.str("RATE_LIMIT_INFER", "20/m", validate=RATE)
RATE_LIMIT_TEST: str = env.str("RATE_LIMIT_TEST", "20/m", validate=RATE)
RATE_LIMIT_LOGIN: str = env.str("RATE_LIMIT_LOGIN", "20/h", validate=RATE)
TRUSTED_PROXIES: int = env.int("TRUSTED_PROXIES", 0, validate=Range(min=0))

API_AUTH: str = env.str("API_AUTH", "none" if IS_DEV else "key", validate=OneOf(["key", "none"]))
GOOGLE_CERTIFICATES_URL = "https://www.googleapis.com/oauth2/v3/certs"
OIDC_AUDIENCE: list[str] = env.list("OIDC_AUDIENCE", [])
OIDC_CERTIFICATES_URL: str = env.str("OIDC_CERTIFICATES_URL", GOOGLE_CERTIFICATES_URL)
ALLOWED_STORAGE_DOMAINS: list[str] = env.list(
    "ALLOWED_STORAGE_DOMAINS", ["r2.cloudflarestorage.com", "s3.amazonaws.com", "storage.googleapis.com"]
)
DEV_STORAGE_HOSTS: list[str] = env.list("DEV_STORAGE_HOSTS", [])
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"] if IS_DEV else [])
ALLOWED_ORIGINS: list[str] = env.list("ALLOWED_ORIGINS", [])
METRICS_TOKEN: str = env.str("METRICS_TOKEN", "")
LOG_LEVEL: str = env.str("LOG_LEVEL", "INFO", validate=OneOf(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]))


def secret_key() -> str:
    """``SECRET_KEY``; in dev, made once and kept in the data directory.

    Raises:
        EnvError: outside dev it is missing, or it is too short to be one.
    """
    key: str = env.str("SECRET_KEY", "")
    if not key and IS_DEV:
        return _kept_key(DATA_DIR / "secret_key")
    if len(key) < 50:
        raise EnvError(
            'Environment variable "SECRET_KEY" must be set to at least 50 random characters when ENV is '
            f'"{ENV}"; make one with: python -c "import secrets; print(secrets.token_urlsafe(64))"'
        )
    return key


def _kept_key(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(secrets.token_urlsafe(64))
    except FileExistsError:
        pass  # another process was first; its key is the key
    return path.read_text()


def check() -> None:
    """Refuse combinations that cannot work.

    Raises:
        EnvError: names the variable and what to set.
    """
    if DEV_STORAGE_HOSTS and not IS_DEV:
        raise EnvError('Environment variable "DEV_STORAGE_HOSTS" only works with ENV=dev; use ALLOWED_STORAGE_DOMAINS.')
    if SECRET_STORE == "google" and not GCP_PROJECT_ID:  # noqa: S105 - a store's name
        raise EnvError(
            'Environment variable "GCP_PROJECT_ID" must name the Google Cloud project when SECRET_STORE is "google"; '
            "or set SECRET_STORE=local."
        )
    if SECRET_MANAGER_ENDPOINT and not IS_DEV:
        raise EnvError('Environment variable "SECRET_MANAGER_ENDPOINT" only works with ENV=dev: it is not encrypted.')
    if OIDC_CERTIFICATES_URL != GOOGLE_CERTIFICATES_URL and not IS_DEV:
        raise EnvError('Environment variable "OIDC_CERTIFICATES_URL" only works with ENV=dev: it says whom to trust.')
    if STORAGE_URL and (wrong := storage.problem(STORAGE_URL)):
        raise EnvError(f'Environment variable "STORAGE_URL" {wrong}.')
    if not IS_DEV and not ALLOWED_HOSTS:
        raise EnvError(
            'Environment variable "ALLOWED_HOSTS" must list the host names the portal answers to '
            f'(comma separated) when ENV is "{ENV}".'
        )
