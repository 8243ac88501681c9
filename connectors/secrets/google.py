"""Google Secret Manager: every call is bounded, and its answer is one of ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import google.auth
import grpc
from google.api_core import exceptions as native
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud.secretmanager_v1 import Replication, Secret, SecretManagerServiceClient, SecretPayload
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

from connectors.errors import ConversionError
from connectors.secrets.store import (
    SecretAccessDenied,
    SecretNotFound,
    SecretStoreUnavailable,
    SecretUnreadable,
    check_id,
    check_payload,
)

Answer = TypeVar("Answer")
# A caller waits for at most both together, whatever is down.
_CALL_SECONDS, _IDENTITY_SECONDS = 2.5, 2.0
_RETRY = Retry(predicate=if_exception_type(native.ServiceUnavailable), initial=0.1, maximum=0.5, timeout=_CALL_SECONDS)
_BOUNDS: dict[str, Any] = {"timeout": _CALL_SECONDS, "retry": _RETRY}
_NEVER_STORED = "tundra-health-check"


class GoogleStore:
    """A ``SecretStore`` in Secret Manager. A secret's JSON is its latest version.

    The client lives for one call: gRPC must not be open in a process that forks.

    Args:
        project_id: the Google Cloud project.
        endpoint: ``host:port`` of a stand-in that is spoken to in clear, for development only.
    """

    def __init__(self, project_id: str, endpoint: str = "") -> None:
        self._project = f"projects/{project_id}"
        self._endpoint = endpoint

    def get(self, secret_id: str) -> str:
        """See ``SecretStore``."""
        name = f"{self._secret(secret_id)}/versions/latest"
        try:
            answer = self._call(lambda client: client.access_secret_version(name=name, **_BOUNDS))
        except (native.NotFound, native.FailedPrecondition) as error:  # never stored; no version is enabled
            raise SecretNotFound(secret_id) from error
        try:
            return str(answer.payload.data.decode())
        except UnicodeDecodeError as error:
            raise SecretUnreadable(f"The secret '{secret_id}' is not UTF-8 text.") from error

    get_fresh = get

    def put(self, secret_id: str, payload: str) -> None:
        """See ``SecretStore``. Needs leave to create secrets and to add versions."""
        name, data = self._secret(secret_id), check_payload(payload)
        try:
            self._add_version(name, data)
        except native.NotFound:
            self._create(secret_id)
            self._add_version(name, data)

    def delete(self, secret_id: str) -> None:
        """See ``SecretStore``. Needs leave to delete secrets."""
        name = self._secret(secret_id)
        try:
            self._call(lambda client: client.delete_secret(name=name, **_BOUNDS))
        except native.NotFound:
            return

    def check(self) -> None:
        """See ``SecretStore``: an answer about a secret that is not there is an answer.

        With access granted secret by secret, that answer is a refusal; so a refusal is as good.
        """
        try:
            self.get(_NEVER_STORED)
        except SecretNotFound:
            return
        except SecretAccessDenied as error:
            if isinstance(error.__cause__, native.PermissionDenied):
                return
            raise

    def _add_version(self, name: str, data: bytes) -> None:
        payload = SecretPayload(data=data)
        self._call(lambda client: client.add_secret_version(parent=name, payload=payload, **_BOUNDS))

    def _create(self, secret_id: str) -> None:
        secret = Secret(replication=Replication(automatic=Replication.Automatic()))
        try:
            self._call(
                lambda client: client.create_secret(parent=self._project, secret_id=secret_id, secret=secret, **_BOUNDS)
            )
        except native.AlreadyExists:
            return

    def _secret(self, secret_id: str) -> str:
        return f"{self._project}/secrets/{check_id(secret_id)}"

    def _call(self, call: Callable[[SecretManagerServiceClient], Answer]) -> Answer:
        """The answer. Not found, already there and no usable version stay native: what they mean is the caller's."""
        try:
            with self._client() as client:
                return call(client)
        except (native.NotFound, native.AlreadyExists, native.FailedPrecondition):
            raise
        except (native.GoogleAPIError, GoogleAuthError) as error:
            raise _explain(error) from error

    @contextmanager
    def _client(self) -> Iterator[SecretManagerServiceClient]:
        transport = self._transport()
        try:
            yield SecretManagerServiceClient(transport=transport)
        finally:
            transport.close()  # type: ignore[no-untyped-call]

    def _transport(self) -> SecretManagerServiceGrpcTransport:
        if not self._endpoint:
            return SecretManagerServiceGrpcTransport(credentials=_identity())
        # A stand-in is on this machine or beside it: a proxy for the outside world has no business there.
        channel = grpc.insecure_channel(self._endpoint, options=[("grpc.enable_http_proxy", 0)])
        return SecretManagerServiceGrpcTransport(channel=channel)


def _identity() -> Any:
    """Application default credentials; timed, since looking for them may ask a metadata server that never answers."""
    found: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_find_identity, args=(found,), daemon=True).start()
    try:
        identity = found.get(timeout=_IDENTITY_SECONDS)
    except Empty as error:
        raise SecretStoreUnavailable("Google's metadata server did not say in time who the portal is.") from error
    if isinstance(identity, GoogleAuthError):
        raise identity
    return identity


def _find_identity(found: SimpleQueue[Any]) -> None:
    try:
        found.put(google.auth.default(scopes=SecretManagerServiceGrpcTransport.AUTH_SCOPES)[0])
    except GoogleAuthError as error:
        found.put(error)


def _explain(error: native.GoogleAPIError | GoogleAuthError) -> ConversionError:
    """Ours for theirs. Their texts may quote requests, so they stay out of the message."""
    if isinstance(error, native.PermissionDenied):
        return SecretAccessDenied(
            "Secret Manager denies the portal access to these credentials.",
            hint="Grant the portal's service account roles/secretmanager.secretAccessor on the secret.",
        )
    if isinstance(error, native.Unauthenticated):
        return SecretAccessDenied("Secret Manager does not accept the portal's Google identity.")
    if isinstance(error, GoogleAuthError):
        return SecretStoreUnavailable(
            "The portal has no Google identity to ask Secret Manager with.",
            retryable=False,
            hint="Run it under a service account, or set GOOGLE_APPLICATION_CREDENTIALS.",
        )
    return SecretStoreUnavailable(f"Secret Manager is not available ({type(error).__name__}).")
