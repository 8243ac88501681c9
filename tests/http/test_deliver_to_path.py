"""Delivery to a local path: whole or not at all."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import InvalidRequest, Unavailable
from conversions.pipeline.transfer import deliver_to_path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file to deliver."""
    path = tmp_path / "made.parquet"
    path.write_bytes(b"PAR1 and more")
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=5000))
def test_every_byte_arrives(tmp_path: Path, content: bytes) -> None:
    source, to = tmp_path / "source", tmp_path / "to"
    source.write_bytes(content)
    receipt = deliver_to_path(source, to)
    assert to.read_bytes() == content
    assert (receipt.bytes, receipt.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert receipt.verified == "sha256"


def test_it_replaces_what_was_there_and_leaves_nothing_beside_it(tmp_path: Path, source: Path) -> None:
    to = tmp_path / "out" / "to.parquet"
    to.parent.mkdir()
    to.write_bytes(b"old")
    deliver_to_path(source, to)
    assert to.read_bytes() == source.read_bytes()
    assert list(to.parent.iterdir()) == [to]


def test_others_may_read_it_as_far_as_the_umask_allows(tmp_path: Path, source: Path) -> None:
    to = tmp_path / "to.parquet"
    before = os.umask(0o027)
    try:
        deliver_to_path(source, to)
    finally:
        os.umask(before)
    assert to.stat().st_mode & 0o777 == 0o640


def test_it_goes_to_another_file_system(source: Path) -> None:
    to = Path("/dev/shm") / f"tundra-test-{os.getpid()}"  # noqa: S108 - the one other file system that is always there
    try:
        deliver_to_path(source, to)
        assert to.read_bytes() == source.read_bytes()
    finally:
        to.unlink(missing_ok=True)


def test_a_name_may_be_as_long_as_names_may_be(tmp_path: Path, source: Path) -> None:
    to = tmp_path / ("n" * 255)
    deliver_to_path(source, to)
    assert to.exists()


def test_it_writes_through_a_link_to_the_file_behind_it(tmp_path: Path, source: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    deliver_to_path(source, link)
    assert link.is_symlink()
    assert real.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("name", [".", "pipe", "missing/to.parquet", "made.parquet/to", "n" * 256])
def test_it_refuses_a_place_that_cannot_hold_a_file(tmp_path: Path, source: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InvalidRequest) as caught:
        deliver_to_path(source, tmp_path / name)
    assert caught.value.code == "destination_not_writable"
    assert sorted(tmp_path.iterdir()) == before


def test_it_never_replaces_a_device(source: Path) -> None:
    with pytest.raises(InvalidRequest):
        deliver_to_path(source, Path("/dev/null"))
    assert Path("/dev/null").is_char_device()


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    to = tmp_path / "to.parquet"
    to.write_bytes(b"old")
    with pytest.raises((InvalidRequest, Unavailable)):
        deliver_to_path(tmp_path / "never made", to)
    assert to.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [to]


def test_whoever_is_killed_while_delivering_leaves_the_old_file(tmp_path: Path) -> None:
    source, to = tmp_path / "source", tmp_path / "to"
    with source.open("wb") as file:
        file.truncate(2**30)
    to.write_bytes(b"old")
    code = "import sys; from pathlib import Path; from conversions.pipeline.transfer import deliver_to_path;"
    code += "deliver_to_path(Path(sys.argv[1]), Path(sys.argv[2]))"
    child = subprocess.Popen([sys.executable, "-c", code, str(source), str(to)])
    while not list(tmp_path.glob(".tundra-*")) and child.poll() is None:
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert to.read_bytes() == b"old"
