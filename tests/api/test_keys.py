"""Who may call: keys with scopes, identity tokens, and what each caller sees."""

from __future__ import annotations

import sqlite3
import time

import pytest

from tests.api.conftest import AUDIENCE, Client, Issuer, client, run
from tests.conftest import Converter
from tests.manage import manage
from tests.portal import Portal
from tests.store.client import ObjectStore

PEOPLE = b"id,name\n1,Ann\n"


@pytest.fixture
def converter(guarded: Portal, store: ObjectStore, request: pytest.FixtureRequest) -> Converter:
    """Requests for the guarded portal."""
    return Converter(guarded, store, request.node.name.replace("[", "-").replace("]", ""))


@pytest.mark.parametrize(
    "authorization", ["", "Bearer ", "Bearer tundra_wrong", "Basic YTpi", "Bearer a.b.c", "bearer"]
)
def test_nobody_gets_in_without_a_key(guarded: Portal, authorization: str) -> None:
    answer = guarded.request("GET", "/jobs", **({"Authorization": authorization} if authorization else {}))
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert not authorization.partition(" ")[2] or authorization.partition(" ")[2] not in answer.body["detail"]


@pytest.mark.parametrize("path", ["/health", "/health/deep", "/info", "/schema?format=json", "/docs", "/"])
def test_health_and_information_are_for_everybody(guarded: Portal, path: str) -> None:
    assert guarded.request("GET", path).status == 200


def test_a_key_opens_the_door_and_its_last_use_is_kept(ada: Client, converter: Converter, guarded: Portal) -> None:
    answer = ada.request("POST", "/convert/file", converter.request(PEOPLE, "csv"))
    assert answer.status == 200
    events = ada.request("GET", f"/jobs/{answer.body['job_id']}/events").body["events"]
    assert [event["action"] for event in events] == ["submitted", "started", "succeeded"]
    assert events[0]["actor"] == "key everything of ada"
    assert events[1]["actor"].startswith("worker ")
    with sqlite3.connect(guarded.data_dir / "db.sqlite3") as database:
        found = database.execute("SELECT count(*) FROM conversions_apikey WHERE last_used_at IS NOT NULL").fetchone()
    assert found[0] >= 1


def test_a_token_is_kept_nowhere(ada: Client, guarded: Portal) -> None:
    kept = b"".join(path.read_bytes() for path in guarded.data_dir.rglob("*") if path.is_file())
    assert ada.token.encode() not in kept
    assert ada.token[:13].encode() in kept


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [("convert", "/convert/file"), ("infer", "/infer/schema"), ("test-connection", "/test/database-connection")],
)
def test_a_key_does_what_its_scope_says_and_nothing_else(guarded: Portal, scope: str, allowed: str) -> None:
    narrow = client(guarded, f"only-{scope}", "ada", "--scope", scope)
    for path in ("/convert/file", "/infer/schema", "/test/database-connection"):
        answer = narrow.request("POST", path, {})
        assert answer.status == (400 if path == allowed else 403), path
        if path != allowed:
            assert "scope" in answer.body["detail"]
    assert narrow.request("GET", "/jobs").status == 403
    assert narrow.request("GET", "/credentials").status == 200


def test_a_caller_sees_its_own_jobs_only(ada: Client, bob: Client, converter: Converter) -> None:
    job_id = ada.request("POST", "/convert/file", converter.request(PEOPLE, "csv")).body["job_id"]
    assert ada.request("GET", f"/jobs/{job_id}").status == 200
    for method, path in (("GET", ""), ("GET", "/events"), ("GET", "/rejects"), ("POST", "/cancel"), ("POST", "/retry")):
        assert bob.request(method, f"/jobs/{job_id}{path}").status == 404
    assert job_id not in [job["job_id"] for job in bob.request("GET", "/jobs").body["results"]]


def test_an_expired_key_is_refused(guarded: Portal) -> None:
    short = client(guarded, "short", "ada", "--expires", "1d")
    assert short.request("GET", "/jobs").status == 200
    with sqlite3.connect(guarded.data_dir / "db.sqlite3") as database:
        database.execute("UPDATE conversions_apikey SET expires_at = '2020-01-01' WHERE name = 'short'")
    assert short.request("GET", "/jobs").status == 401


def test_a_revoked_key_is_refused_at_once(guarded: Portal) -> None:
    revoked = client(guarded, "revoked", "ada")
    assert revoked.request("GET", "/jobs").status == 200
    revoke = "from conversions import keys, models; keys.revoke(models.ApiKey.objects.get(name='revoked'))"
    run(guarded.data_dir, "shell", "-c", revoke)
    assert revoked.request("GET", "/jobs").status == 401


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x", "--user", "nobody"], "no user 'nobody'"),
        (["everything", "--user", "ada"], "already"),
        (["x", "--user", "ada", "--expires", "soon"], "'soon' is not a time"),
        (["x", "--user", "ada", "--expires", "2020-01-01"], "past"),
        (["x", "--user", "ada", "--expires", "99999999999d"], "not a time"),
        (["x", "--user", "ada", "--scope", "all"], "invalid choice"),
    ],
)
def test_the_command_refuses_what_makes_no_key(ada: Client, guarded: Portal, arguments: list[str], said: str) -> None:
    done = manage(guarded.data_dir, "create_api_key", *arguments, data_dir=guarded.data_dir)
    assert done.returncode == 2
    assert said in done.stderr


class TestIdentityTokens:
    """Google's OIDC tokens as the second way in."""

    def claims(self, **changed: object) -> dict[str, object]:
        now = int(time.time())
        whole = {"iss": "https://accounts.google.com", "aud": AUDIENCE, "iat": now, "exp": now + 600}
        return whole | {"email": "bob@example.com", "email_verified": True} | changed

    def test_the_user_with_the_address_gets_in(self, guarded: Portal, issuer: Issuer) -> None:
        answer = guarded.request("GET", "/jobs", Authorization=f"Bearer {issuer.token(**self.claims())}")
        assert answer.status == 200

    @pytest.mark.parametrize(
        "changed",
        [
            {"aud": "https://other.example.com"},
            {"iss": "https://accounts.example.com"},
            {"exp": 1_600_000_000},
            {"email": "eve@example.com"},
            {"email_verified": False},
        ],
    )
    def test_any_other_is_refused(self, guarded: Portal, issuer: Issuer, changed: dict[str, object]) -> None:
        token = issuer.token(**self.claims(**changed))
        answer = guarded.request("GET", "/jobs", Authorization=f"Bearer {token}")
        assert answer.status == 401
        assert token not in str(answer.body)

    def test_one_signed_by_somebody_else_is_refused(self, guarded: Portal) -> None:
        forger = Issuer()
        answer = guarded.request("GET", "/jobs", Authorization=f"Bearer {forger.token(**self.claims())}")
        forger.close()
        assert answer.status == 401
