"""Whoever can write to the broker, even with SECRET_KEY, cannot run code in the workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis

from conversions.broker import NotARing, package_of
from conversions.engine.processes import die_with_parent
from tests.conftest import Converter
from tests.portal import ROOT, Portal, free_port
from tests.store.client import ObjectStore

# Signed as django-q2 signs, with the portal's own key; unpickling it makes the file.
HOSTILE = """
import os, pathlib
from django_q.signing import SignedPackage
class Hostile:
    def __reduce__(self):
        return (pathlib.Path.touch, (pathlib.Path({mark!r}),))
package = SignedPackage.dumps(Hostile())
"""
CONTROL = HOSTILE + "SignedPackage.loads(package)"
INTO_THE_DATABASE = (
    HOSTILE
    + """
import json
from django.utils import timezone
from django_q.models import OrmQ
ring = json.dumps({{"id": "1", "name": "x", "func": "os.mkdir", "args": [{mark!r}]}})
for payload in (package, ring, "{{}}", "not JSON"):
    OrmQ.objects.create(key="tundra", payload=payload, lock=timezone.now())
"""
)
INTO_REDIS = (
    HOSTILE
    + """
import json, pickle, redis
from django.conf import settings
from django_q.conf import Conf
client = redis.from_url(settings.TUNDRA.REDIS_URL)
ring = json.dumps({{"id": "1", "name": "x", "func": "os.mkdir", "args": [{mark!r}]}})
for payload in (package, ring, pickle.dumps(Hostile())):
    client.rpush("django_q:tundra:q", payload)
"""
)


def in_the_portal(portal: Portal, script: str, mark: Path) -> None:
    """Run a script with the portal's settings and key."""
    subprocess.run(
        [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", script.format(mark=str(mark))],
        cwd=ROOT,
        env=portal.environment,
        check=True,
        timeout=60,
    )


def test_the_hostile_package_would_run_code_where_it_is_unpickled(portal: Portal, tmp_path: Path) -> None:
    in_the_portal(portal, CONTROL, tmp_path / "mark")
    assert (tmp_path / "mark").exists()


def test_nothing_in_the_database_s_queue_is_run(portal: Portal, converter: Converter, tmp_path: Path) -> None:
    before = portal.output.count("something in the broker was thrown away")
    in_the_portal(portal, INTO_THE_DATABASE, tmp_path / "mark")
    converter.convert(b"a\n1\n", "csv")
    assert portal.output.count("something in the broker was thrown away") == before + 4
    assert not (tmp_path / "mark").exists()


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis server of the test's own."""
    port = free_port()
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
        preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGTERM),  # noqa: PLW1509 - a killed test run leaves nothing
    )
    client = redis.from_url(f"redis://127.0.0.1:{port}/0")
    for _ in range(100):
        try:
            client.ping()
            break
        except redis.ConnectionError:
            time.sleep(0.05)
    yield f"redis://127.0.0.1:{port}/0"
    client.close()
    process.terminate()
    process.wait(10)


def test_nothing_in_redis_is_run_and_nothing_in_it_is_a_pickle(
    redis_url: str, store: ObjectStore, tmp_path: Path
) -> None:
    with Portal(tmp_path / "portal", store_hosts=[store.host], REDIS_URL=redis_url) as portal:
        in_the_portal(portal, INTO_REDIS, tmp_path / "mark")
        Converter(portal, store, "redis-queue").convert(b"a\n1\n", "csv")
        assert portal.output.count("something in the broker was thrown away") == 3
        client = redis.from_url(redis_url)
        texts = [client.get(key) for key in client.keys("*") if client.type(key) == b"string"]
        client.close()
        assert len(texts) >= 2  # a cluster's state, a rate limit's count
        assert all(json.loads(text) for text in texts if text)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    "ring",
    [
        '{"id": "1", "name": "n", "func": "conversions.tasks.run_next", "args": [{"a": 1}]}',
        '{"id": "1", "name": "n", "func": "conversions.tasks.run_next", "args": "x"}',
        '{"id": "1", "name": "n", "func": "conversions.tasks.run_next", "args": [], "hook": "os.abort"}',
        '{"id": "1", "name": "n", "func": "conversions.tasks.run_next", "args": [], "kwargs": {"a": 1}}',
        '{"id": "1", "name": "n", "func": "conversions.tasks.reaper.shutil.rmtree", "args": ["/"]}',
        '{"id": "1", "name": "n", "func": "conversions.tasks", "args": []}',
        '{"id": "1", "name": "n", "func": "conversions.tasksXreap", "args": []}',
        '{"id": "1", "name": "n", "func": "conversions.tasks.reap\\n", "args": []}',
        '{"id": "1", "name": "n", "func": ["conversions.tasks.reap"], "args": []}',
        '{"id": 1, "name": "n", "func": "conversions.tasks.reap", "args": []}',
        '{"name": "n", "func": "conversions.tasks.reap", "args": []}',
        "[" * 100_000,
        "null",
        "",
    ],
)
def test_a_ring_is_for_one_of_our_tasks_with_texts(ring: Any) -> None:
    with pytest.raises(NotARing):
        package_of(ring)
