"""A stream without back-pressure: what waits goes to disk beyond a limit, and comes back in order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.databases.spool import spooled


def batch(number: int, size: int = 1) -> pa.RecordBatch:
    return pa.record_batch({"n": pa.array([number] * size), "t": pa.array(["é" * 7, None] * size).slice(0, size)})


@given(pauses=st.lists(st.booleans(), max_size=30))
@settings(max_examples=30)
def test_every_batch_comes_back_in_order_whether_it_waited_or_not(
    tmp_path_factory: pytest.TempPathFactory, pauses: list[bool]
) -> None:
    def arriving() -> Iterator[pa.RecordBatch]:
        for number, pause in enumerate(pauses):
            if pause:
                time.sleep(0.002)
            yield batch(number)

    numbers = [each.column(0)[0].as_py() for each in spooled(arriving(), tmp_path_factory.mktemp("spool"))]
    assert numbers == list(range(len(pauses)))


def test_a_backlog_waits_on_disk_and_leaves_nothing_there(tmp_path: Path) -> None:
    sent = [batch(number, 400_000) for number in range(40)]
    held = []
    received = []
    for each in spooled(iter(sent), tmp_path):
        received.append(each)
        time.sleep(0.02)
        held.append(len(list(tmp_path.iterdir())))
    assert max(held) > 10
    assert list(tmp_path.iterdir()) == []
    assert received == sent


def test_an_error_of_the_stream_is_raised(tmp_path: Path) -> None:
    def breaking() -> Iterator[pa.RecordBatch]:
        yield batch(1)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        list(spooled(breaking(), tmp_path))
