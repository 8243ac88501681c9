"""A Secret Manager of our own: a real gRPC server with the real service's messages, in a process of its own.

What a secret is called decides what goes wrong with it: ``denied…`` is refused, ``slow…`` never answers, ``flaky…``
is unavailable at every second call, ``binary…`` is not text, ``anonymous…`` does not know who asks.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from concurrent import futures
from typing import Any

import grpc
from google.cloud.secretmanager_v1.types import resources, service
from google.protobuf import empty_pb2

SERVICE = "google.cloud.secretmanager.v1.SecretManagerService"


class SecretManagerStandIn:
    """The process. Start with ``with``; ``endpoint`` is where it answers."""

    def __enter__(self) -> SecretManagerStandIn:
        self._process = subprocess.Popen([sys.executable, "-m", "tests.secrets.standin"], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.endpoint = f"127.0.0.1:{json.loads(self._process.stdout.readline())['port']}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Secrets:
    """What is stored: versions by secret name."""

    def __init__(self) -> None:
        self.versions: dict[str, list[bytes]] = {}
        self.calls: Counter[str] = Counter()

    def access(self, request: service.AccessSecretVersionRequest, call: grpc.ServicerContext) -> Any:
        name, _, version = request.name.partition("/versions/")
        self._fail_on_purpose(name, call)
        if not self.versions.get(name) or version != "latest":
            call.abort(grpc.StatusCode.NOT_FOUND, f"Secret [{request.name}] not found or has no versions.")
        versions = self.versions[name]
        payload = resources.SecretPayload(data=versions[-1])
        return service.AccessSecretVersionResponse(name=f"{name}/versions/{len(versions)}", payload=payload)

    def create(self, request: service.CreateSecretRequest, call: grpc.ServicerContext) -> Any:
        name = f"{request.parent}/secrets/{request.secret_id}"
        if name in self.versions:
            call.abort(grpc.StatusCode.ALREADY_EXISTS, f"Secret [{name}] already exists.")
        if "automatic" not in request.secret.replication:
            call.abort(grpc.StatusCode.INVALID_ARGUMENT, "A secret needs a replication policy.")
        self.versions[name] = []
        return resources.Secret(name=name)

    def add_version(self, request: service.AddSecretVersionRequest, call: grpc.ServicerContext) -> Any:
        self._fail_on_purpose(request.parent, call)
        if request.parent not in self.versions:
            call.abort(grpc.StatusCode.NOT_FOUND, f"Secret [{request.parent}] not found.")
        self.versions[request.parent].append(request.payload.data)
        return resources.SecretVersion(name=f"{request.parent}/versions/{len(self.versions[request.parent])}")

    def delete(self, request: service.DeleteSecretRequest, call: grpc.ServicerContext) -> Any:
        self._fail_on_purpose(request.name, call)
        if self.versions.pop(request.name, None) is None:
            call.abort(grpc.StatusCode.NOT_FOUND, f"Secret [{request.name}] not found.")
        return empty_pb2.Empty()

    def _fail_on_purpose(self, name: str, call: grpc.ServicerContext) -> None:
        secret_id = name.rpartition("/")[2]
        self.calls[secret_id] += 1
        if secret_id.startswith("denied"):
            call.abort(grpc.StatusCode.PERMISSION_DENIED, f"Permission denied on resource {name}.")
        if secret_id.startswith("anonymous"):
            call.abort(grpc.StatusCode.UNAUTHENTICATED, "Request had invalid authentication credentials.")
        if secret_id.startswith("slow"):
            time.sleep(30)
        if secret_id.startswith("flaky") and self.calls[secret_id] % 2:
            call.abort(grpc.StatusCode.UNAVAILABLE, "Try again.")
        if secret_id.startswith("binary"):
            self.versions[name] = [b"\xff\xfe\x00"]


def serve() -> None:
    """Serve until killed; print the port as JSON."""
    secrets = Secrets()
    methods: dict[str, tuple[Any, Any, Any]] = {
        "AccessSecretVersion": (secrets.access, service.AccessSecretVersionRequest, _serialize),
        "CreateSecret": (secrets.create, service.CreateSecretRequest, _serialize),
        "AddSecretVersion": (secrets.add_version, service.AddSecretVersionRequest, _serialize),
        "DeleteSecret": (secrets.delete, service.DeleteSecretRequest, empty_pb2.Empty.SerializeToString),
    }
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            answer, request_deserializer=request.deserialize, response_serializer=serialize
        )
        for name, (answer, request, serialize) in methods.items()
    }
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(json.dumps({"port": port}) + "\n")
    sys.stdout.flush()
    server.wait_for_termination()


def _serialize(answer: Any) -> bytes:
    encoded: bytes = type(answer).serialize(answer)
    return encoded


if __name__ == "__main__":
    serve()
