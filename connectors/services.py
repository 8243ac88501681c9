"""The only way to credentials: store, rotate, test, disable, delete, and use. API, admin and commands enter here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from connectors import events
from connectors.databases.credentials import Credentials, parse_connector_type
from connectors.databases.hosts import HostPolicy
from connectors.errors import ConversionError, InvalidRequest
from connectors.models import Credential
from connectors.secrets.opening import StoreConfig, open_store
from connectors.secrets.store import SecretNotFound, SecretStore, check_id, parse_secret

if TYPE_CHECKING:
    from connectors.databases.connection_test import ConnectionFacts

Caller = AbstractBaseUser | AnonymousUser
GOOD = "ok"


def store_config() -> StoreConfig:
    """Where secrets are, as the settings say; ready to travel to a process without settings."""
    tundra = settings.TUNDRA
    on_google = tundra.SECRET_STORE == "google"  # noqa: S105 - a store's name
    return StoreConfig(
        directory=str(settings.DATA_DIR / "secrets"),
        keys=(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS),
        project_id=tundra.GCP_PROJECT_ID if on_google else "",
        endpoint=tundra.SECRET_MANAGER_ENDPOINT,
        cache_seconds=tundra.SECRET_CACHE_TTL_SECONDS,
    )


def secret_store() -> SecretStore:
    """The portal's secret store."""
    return open_store(store_config())


def enabled_connectors() -> list[str]:
    """The kinds of database that may be read: those of every portal, then those an operator has switched on."""
    return ["postgresql", "mysql", *(["sqlite"] if settings.TUNDRA.SQLITE_DIRECTORY else [])]


def host_policy() -> HostPolicy:
    """Where database connections may go."""
    tundra = settings.TUNDRA
    directory = Path(tundra.SQLITE_DIRECTORY) if tundra.SQLITE_DIRECTORY else None
    return HostPolicy(allow_loopback=tundra.IS_DEV, sqlite_directory=directory)


def try_connection(connector_type: str, secret: Mapping[str, Any]) -> ConnectionFacts:
    """Connect to a database and say what is there.

    Raises:
        ConversionError: the credentials are malformed, or why there is no connection.
    """
    from connectors.databases.connection_test import test_connection  # noqa: PLC0415 - drivers only where they connect

    return test_connection(
        Credentials.parse(connector_type, secret), settings.TUNDRA.DB_CONNECT_TIMEOUT_SECONDS, host_policy()
    )


def create(
    credentials_id: str,
    connector_type: str,
    secret: Mapping[str, Any] | None,
    *,
    owner: User | None = None,
    for_everyone: bool = False,
) -> Credential:
    """Test credentials, then store them under a new id.

    Args:
        credentials_id: how callers will name them.
        connector_type: the kind of database.
        secret: host, port, database, username, password, ssl_mode, ssl_root_cert; None: the secret store has them
            under this id already, and only the reference is made.
        owner: who may use them.
        for_everyone: whether whoever may call the API may use them.

    Raises:
        ConversionError: the id is taken (409), the connection fails, or the secret store refuses; then nothing is kept.
    """
    kind = parse_connector_type(connector_type)
    store = secret_store()
    if secret is None:
        try_connection(kind, parse_secret(store.get_fresh(check_id(credentials_id))))
    else:
        _refuse_taken(store, credentials_id)
        try_connection(kind, secret)
    credential = Credential(id=credentials_id, connector_type=kind, owner=owner, for_everyone=for_everyone)
    _record_test(credential, GOOD)
    try:
        with transaction.atomic():
            credential.save(force_insert=True)
            if secret is not None:
                store.put(credentials_id, json.dumps(dict(secret)))
            _note(credential, "created")
    except IntegrityError as error:
        raise _taken(credentials_id) from error
    return credential


def rotate(credential: Credential, secret: Mapping[str, Any]) -> None:
    """Test new credentials, then let them take the place of the stored ones.

    Raises:
        ConversionError: the connection fails or the secret store refuses; then the old ones stay.
    """
    try_connection(credential.connector_type, secret)
    secret_store().put(credential.pk, json.dumps(dict(secret)))
    credential.rotated_at = timezone.now()
    _record_test(credential, GOOD)
    credential.save(update_fields=["rotated_at", "last_tested_at", "last_test_outcome"])
    _note(credential, "rotated")


def changed(credential: Credential, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The stored credentials with some fields replaced, for ``rotate``."""
    return {**parse_secret(secret_store().get_fresh(credential.pk)), **changes}


def test(credential: Credential) -> ConnectionFacts:
    """Connect with the stored credentials, freshly read, and keep the outcome.

    Raises:
        ConversionError: why there is no connection, or no secret.
    """
    outcome = GOOD
    try:
        return try_connection(credential.connector_type, parse_secret(secret_store().get_fresh(credential.pk)))
    except ConversionError as error:
        outcome = error.code
        raise
    finally:
        _record_test(credential, outcome)
        credential.save(update_fields=["last_tested_at", "last_test_outcome"])
        _note(credential, "tested", outcome=outcome)


def describe(facts: ConnectionFacts) -> str:
    """What a test found, for people."""
    encrypted = "encrypted" if facts.ssl else "not encrypted"
    return f"connected to {facts.database_type} {facts.server_version} in {facts.latency_ms:.0f} ms, {encrypted}"


def set_disabled(credential: Credential, *, is_disabled: bool) -> None:
    """Forbid or allow every use."""
    credential.is_disabled = is_disabled
    credential.save(update_fields=["is_disabled"])
    _note(credential, "disabled" if is_disabled else "enabled")


def note_grants(credential: Credential) -> None:
    """Keep who may use it from now on."""
    _note(
        credential,
        "shared",
        owner=str(credential.owner or ""),
        users=[str(user) for user in credential.users.all()],
        groups=[str(group) for group in credential.groups.all()],
        for_everyone=credential.for_everyone,
    )


def delete(credential: Credential) -> None:
    """Remove the secret, then the reference.

    Raises:
        ConversionError: the secret store refuses; then the reference stays.
    """
    secret_store().delete(credential.pk)
    _note(credential, "deleted")
    credential.delete()


def usable_by(caller: Caller) -> QuerySet[Credential]:
    """The credentials that a caller may use, those that are disabled left out."""
    enabled = Credential.objects.filter(is_disabled=False)
    if may_use_all(caller):
        return enabled
    granted = Q(for_everyone=True)
    if caller.is_authenticated:
        granted |= Q(owner=caller.pk) | Q(users=caller.pk) | Q(groups__user=caller.pk)
    return enabled.filter(granted).distinct()


def may_use_all(caller: Caller) -> bool:
    """Whether grants are no matter: a superuser, or somebody with ``connectors.use_credential``."""
    return isinstance(caller, User) and caller.has_perm("connectors.use_credential")


def check_use(credentials_id: str, caller: Caller, connector_type: str | None = None) -> None:
    """Return when the caller may use the credentials. Asks the portal's database only.

    A secret that the store has without a reference here is for those who may use everything, and for anybody where
    the operator let anybody in (``API_AUTH=none``): so the credentials of an older portal go on working.

    Raises:
        NotFound: there are none, or not for this caller.
        InvalidRequest: they are for another kind of database.
    """
    credential = usable_by(caller).filter(pk=check_id(credentials_id)).first()
    if credential is None:
        if not _may_use_unregistered(credentials_id, caller):
            raise SecretNotFound(credentials_id)
    elif connector_type not in (None, credential.connector_type):
        raise InvalidRequest(
            f"The credentials '{credentials_id}' are for {credential.connector_type}, not {connector_type}.",
            code="wrong_connector",
        )


def resolve(credentials_id: str, caller: Caller, connector_type: str | None = None) -> str:
    """The secret's JSON, for a caller who may use it.

    Raises:
        ConversionError: see ``check_use`` and ``SecretStore.get``.
    """
    check_use(credentials_id, caller, connector_type)
    return secret_store().get(credentials_id)


def record_use(credentials_id: str, error: ConversionError | None = None) -> None:
    """Keep when credentials were last used by a conversion, and what came of it."""
    Credential.objects.filter(pk=credentials_id).update(
        last_used_at=timezone.now(), last_use_outcome=error.code if error else GOOD
    )


def check_store() -> str:
    """The secret store's health, for ``/health/deep``: ``healthy``, or ``unhealthy:`` and why."""
    try:
        secret_store().check()
    except ConversionError as error:
        return f"unhealthy: {error.message}"
    return "healthy"


def _may_use_unregistered(credentials_id: str, caller: Caller) -> bool:
    if Credential.objects.filter(pk=credentials_id).exists():
        return False
    return may_use_all(caller) or settings.TUNDRA.API_AUTH == "none"


def _refuse_taken(store: SecretStore, credentials_id: str) -> None:
    """A new reference never overwrites what is there, be it somebody else's secret in the same project."""
    if Credential.objects.filter(pk=check_id(credentials_id)).exists():
        raise _taken(credentials_id)
    try:
        store.get_fresh(credentials_id)
    except SecretNotFound:
        return
    raise _taken(credentials_id)


def _taken(credentials_id: str) -> ConversionError:
    return ConversionError(
        f"There are credentials '{credentials_id}' already.",
        code="credentials_exist",
        http_status=409,
        hint="Rotate them, choose another id, or make only the reference to the secret that is there.",
    )


def _note(credential: Credential, action: str, **detail: Any) -> None:
    events.record(f"credential {credential.pk}", action, connector_type=credential.connector_type, **detail)


def _record_test(credential: Credential, outcome: str) -> None:
    credential.last_tested_at = timezone.now()
    credential.last_test_outcome = outcome
