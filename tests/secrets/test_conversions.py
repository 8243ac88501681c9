"""Conversions of a running portal whose credentials are in Secret Manager."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.secrets.google import GoogleStore
from tests.databases.servers import PostgresServer
from tests.portal import Answer, Portal
from tests.secrets.conftest import PLANTED
from tests.secrets.standin import SecretManagerStandIn
from tests.store.client import ObjectStore

PROJECT = "conversions"


@pytest.fixture(scope="module")
def secrets(secret_manager: SecretManagerStandIn) -> GoogleStore:
    """What an administrator sees of Secret Manager: no cache."""
    return GoogleStore(PROJECT, secret_manager.endpoint)


@pytest.fixture(scope="module")
def google_portal(
    secret_manager: SecretManagerStandIn, store: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Portal]:
    """A portal on Secret Manager, with the original's credentials: secrets without references."""
    home = tmp_path_factory.mktemp("google-portal")
    environment = {"GCP_PROJECT_ID": PROJECT, "SECRET_MANAGER_ENDPOINT": secret_manager.endpoint}
    with Portal(home, store_hosts=[store.host], RATE_LIMIT_ENABLED="false", **environment) as portal:
        yield portal


def convert(portal: Portal, store: ObjectStore, credentials_id: str) -> Answer:
    """Convert one row."""
    body = {
        "output_url": store.presign("PUT", f"secrets/{credentials_id}.parquet"),
        "connector_type": "postgresql",
        "credentials_id": credentials_id,
        "query": "SELECT 1 AS one",
    }
    return portal.request("POST", "/convert/database", body)


@pytest.mark.parametrize(
    ("credentials_id", "status", "code"),
    [
        ("denied", 403, "secret_access_denied"),
        ("missing", 404, "secret_not_found"),
        ("slow", 502, "secret_manager_unavailable"),
        ("no good", 400, "invalid_credentials_id"),
    ],
)
def test_each_refusal_has_its_status(
    google_portal: Portal, store: ObjectStore, credentials_id: str, status: int, code: str
) -> None:
    answer = convert(google_portal, store, credentials_id)
    assert (answer.status, answer.body["code"]) == (status, code)


@pytest.mark.parametrize("payload", ["no json but needle", "[1]", '{"host": "needle"}'])
def test_a_secret_of_the_wrong_shape_is_400_and_not_quoted(
    google_portal: Portal, store: ObjectStore, secrets: GoogleStore, payload: str
) -> None:
    name = f"shape-{len(payload)}"
    secrets.put(name, payload)
    answer = convert(google_portal, store, name)
    assert (answer.status, answer.body["code"]) == (400, "invalid_credentials")
    assert "needle" not in json.dumps(answer.body) + google_portal.output


def test_a_password_changed_everywhere_but_in_the_cache_costs_nobody_anything(
    google_portal: Portal,
    store: ObjectStore,
    secrets: GoogleStore,
    postgres: PostgresServer,
    planted_account: dict[str, Any],
) -> None:
    with postgres.connect_as_owner() as owner:
        owner.execute("CREATE ROLE rotated LOGIN PASSWORD 'before'")
    account = {**planted_account, "username": "rotated"}
    secrets.put("rotated", json.dumps({**account, "password": "before"}))
    assert convert(google_portal, store, "rotated").status == 200
    secrets.put("rotated", json.dumps({**account, "password": "after"}))
    assert convert(google_portal, store, "rotated").status == 200, "the cache still knows what still works"
    with postgres.connect_as_owner() as owner:
        owner.execute("ALTER ROLE rotated PASSWORD 'after'")
    assert convert(google_portal, store, "rotated").status == 200
    secrets.put("rotated", json.dumps({**account, "password": "wrong"}))
    with postgres.connect_as_owner() as owner:
        owner.execute("ALTER ROLE rotated PASSWORD 'elsewhere'")
    refused = convert(google_portal, store, "rotated")
    assert (refused.status, refused.body["code"]) == (502, "authentication_failed")


def test_a_password_stays_in_the_secret_store(
    google_portal: Portal, store: ObjectStore, secrets: GoogleStore, planted_account: dict[str, Any]
) -> None:
    secrets.put("planted", json.dumps(planted_account))
    answer = convert(google_portal, store, "planted")
    assert answer.status == 200, answer.body
    shown = google_portal.request("GET", f"/jobs/{answer.body['job_id']}").body
    files = b"".join(path.read_bytes() for path in Path(google_portal.data_dir).rglob("*") if path.is_file())
    assert "needle" not in json.dumps([answer.body, shown])
    assert b"needle" not in files, "neither the database, nor the log, nor the cache"
    assert PLANTED.encode() not in store.get("secrets/planted.parquet")
