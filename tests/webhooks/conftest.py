"""A receiver, and a portal of one worker that may tell it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.errors import UnreadableFile
from conversions import services, webhook_secrets, webhooks
from conversions.models import ConversionJob, JobKind, WebhookDelivery
from tests.portal import Portal, free_port
from tests.store.client import ObjectStore
from tests.webhooks.receiver import Message, Receiver


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """A receiver; every test has a path of its own."""
    with Receiver() as running:
        yield running


@pytest.fixture(scope="package")
def example_port() -> int:
    """Where the documentation's receiver listens."""
    return free_port()


@pytest.fixture(scope="package")
def telling(
    tmp_path_factory: pytest.TempPathFactory, store: ObjectStore, receiver: Receiver, example_port: int
) -> Iterator[Portal]:
    """A portal of one worker."""
    with Portal(
        tmp_path_factory.mktemp("telling"),
        store_hosts=[store.host, receiver.host, f"127.0.0.1:{example_port}"],
        RATE_LIMIT_ENABLED="false",
        MAX_CONCURRENT_CONVERSIONS="1",
    ) as running:
        yield running


class Teller:
    """Jobs of this process whose callers want to be told."""

    def __init__(self, receiver: Receiver, path: str) -> None:
        self.receiver = receiver
        self.path = path

    def job(self, *answers: int, events: tuple[str, ...] = ("end",), url: str = "", **fields: Any) -> ConversionJob:
        """A job that waits; the receiver will answer so."""
        whole = url or self.receiver.url(self.path, *answers)
        return services.submit(
            services.Submission(
                kind=JobKind.FILE,
                request={"format": "csv", "webhook_url": whole.partition("?")[0], "webhook_events": list(events)},
                secrets={},
                source="people.csv",
                webhook_url=whole,
                **fields,
            )
        )

    def failed_job(self, *answers: int, **fields: Any) -> ConversionJob:
        """One that has failed."""
        job = self.job(*answers, **fields)
        assert job.claim("worker")
        assert job.fail(UnreadableFile("Line 3 has 4 values where 2 are due."))
        return job

    def send(self) -> WebhookDelivery | None:
        """Make the one attempt that is due, if there is one."""
        delivery = webhooks.claim_next()
        if delivery is not None:
            webhooks.deliver(delivery)
        return delivery

    def messages(self) -> list[Message]:
        """What has come."""
        return self.receiver.messages(self.path)

    def opened(self) -> list[dict[str, Any]]:
        """What the verified messages tell."""
        secret = webhook_secrets.text_of(webhook_secrets.present(None))
        return [message.opened(secret) for message in self.messages()]


@pytest.fixture
def teller(
    db: None, receiver: Receiver, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Teller:
    """Jobs whose webhooks may go to the receiver."""
    monkeypatch.setattr(settings.TUNDRA, "DEV_STORAGE_HOSTS", [receiver.host])
    return Teller(receiver, request.node.name.replace("[", "-").replace("]", ""))
