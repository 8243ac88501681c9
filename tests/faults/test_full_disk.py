"""The portal's disk fills up in every place it writes to: ``storage_full``, nothing left behind, and on it goes."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Converter
from tests.e2e.test_uploads import send
from tests.faults.breaking import submit, until, until_ended
from tests.portal import Answer, Portal
from tests.store.client import ObjectStore

DISK = 2**31
NAMES = 100_000
MEGABYTE = 2**20
_NOISE = random.Random(7)


class SmallDisk:
    """A file system of the portal's own, seen and resized from outside through its process."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._home = Path(f"/proc/{portal.pid}/root{portal.data_dir}")

    def leave(self, size: int) -> None:
        """Have only this much free."""
        found = os.statvfs(self._home)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        self._remount(f"size={used + size}")

    def _remount(self, option: str) -> None:
        enter = ("nsenter", f"--target={self._portal.pid}", "--user", "--mount", "--preserve-credentials")
        resize = ("mount", "-o", f"remount,{option}", str(self._portal.data_dir))
        subprocess.run([*enter, *resize], check=True, timeout=30)

    def leave_names(self, names: int | None) -> None:
        """Have room for only so many more files and directories; None: for as many as there may be."""
        found = os.statvfs(self._home)
        self._remount(f"nr_inodes={NAMES if names is None else found.f_files - found.f_ffree + names}")

    def attempts(self) -> list[str]:
        """What attempts and uploads have not removed yet."""
        return [path.name for path in (self._home / "tmp").iterdir()]

    def kept(self) -> list[Path]:
        """The files of the portal's own store."""
        return [path for path in (self._home / "store").rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def cramped(tmp_path_factory: pytest.TempPathFactory, store: ObjectStore) -> Iterator[Portal]:
    """A portal whose data directory is a small file system, which it mounts in a namespace: that needs no root."""
    home = tmp_path_factory.mktemp("cramped")
    mount = f'mount -t tmpfs -o size={DISK},nr_inodes={NAMES} none "{home}" && exec "$@"'
    with Portal(
        home,
        store_hosts=[store.host],
        RATE_LIMIT_ENABLED="false",
        MAX_CONCURRENT_CONVERSIONS="1",
        prefix=("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"),
    ) as portal:
        yield portal


@pytest.fixture
def disk(cramped: Portal) -> Iterator[SmallDisk]:
    """Its disk."""
    disk = SmallDisk(cramped)
    yield disk
    disk.leave(DISK)


@pytest.fixture
def converter(cramped: Portal, store: ObjectStore, request: pytest.FixtureRequest) -> Converter:
    """A converter on that portal."""
    return Converter(cramped, store, request.node.name)


def noise(size: int) -> bytes:
    """A CSV that no Parquet makes much smaller."""
    rows = (_NOISE.randbytes(48).hex().encode() for _ in range(size // 100))
    return b"noise\n" + b"\n".join(rows) + b"\n"


def assert_storage_full(answer: Answer) -> None:
    assert (answer.status, answer.body["code"]) == (503, "storage_full"), answer.body


def assert_it_goes_on(disk: SmallDisk, converter: Converter) -> None:
    """With the little space that is left."""
    assert not disk.attempts()
    converter.portal.post("/convert/file", converter.request(b"a\n1\n", "csv"))


def test_in_a_download_that_is_larger_than_the_disk(disk: SmallDisk, converter: Converter) -> None:
    disk.leave(2 * MEGABYTE)
    assert_storage_full(converter.try_(noise(4 * MEGABYTE), "csv"))
    assert_it_goes_on(disk, converter)


def test_in_a_download_while_others_fill_the_disk(disk: SmallDisk, converter: Converter) -> None:
    converter.store.inject("slow", method="GET", key=converter.source, piece=2**18, seconds=0.2)
    job_id = submit(converter, noise(4 * MEGABYTE))
    until(disk.attempts)
    disk.leave(MEGABYTE)
    job = until_ended(converter.portal, job_id)
    assert (job["status"], job["error"]["code"]) == ("failed", "storage_full")
    assert not converter.store.exists(converter.output)
    assert_it_goes_on(disk, converter)


def test_in_the_parquet_file(disk: SmallDisk, converter: Converter) -> None:
    disk.leave(7 * MEGABYTE)
    assert_storage_full(converter.try_(noise(5 * MEGABYTE), "csv"))
    assert not converter.store.exists(converter.output)
    assert_it_goes_on(disk, converter)


def test_before_an_attempt_has_begun(disk: SmallDisk, converter: Converter) -> None:
    """Without room for its directory."""
    disk.leave_names(0)
    try:
        assert_storage_full(converter.try_(b"a\n1\n", "csv"))
    finally:
        disk.leave_names(None)
    assert_it_goes_on(disk, converter)


def test_in_the_portals_own_store(disk: SmallDisk, converter: Converter) -> None:
    disk.leave(8 * MEGABYTE)
    request = converter.request(noise(3 * MEGABYTE), "csv")
    del request["output_url"]
    before = disk.kept()
    assert_storage_full(converter.portal.request("POST", "/convert/file", request))
    assert disk.kept() == before
    assert_it_goes_on(disk, converter)


def test_without_a_byte_left(disk: SmallDisk, cramped: Portal, store: ObjectStore) -> None:
    """Then rows have no room either. What was accepted nevertheless ends, and what was not is refused."""
    disk.leave(0)
    accepted = []
    for number in range(20):
        converter = Converter(cramped, store, f"without-a-byte-{number}")
        request = converter.request(b"a\n1\n", "csv")
        answer = cramped.request("POST", "/convert/file", request, Prefer="respond-async")
        if answer.status != 202:
            assert_storage_full(answer)
            break
        accepted.append(answer.body["job_id"])
    disk.leave(8 * MEGABYTE)
    for job_id in accepted:
        job = until_ended(cramped, job_id)
        assert job["status"] == "succeeded" or job["error"]["code"] == "storage_full"
    assert_it_goes_on(disk, Converter(cramped, store, "with-room"))


@pytest.mark.parametrize("free", [2, 7])
def test_in_an_upload(disk: SmallDisk, converter: Converter, free: int) -> None:
    """Where it arrives, and where it is kept."""
    disk.leave(free * MEGABYTE)
    before = disk.kept()
    assert_storage_full(send(converter.portal, noise(4 * MEGABYTE)))
    assert disk.kept() == before
    assert_it_goes_on(disk, converter)
