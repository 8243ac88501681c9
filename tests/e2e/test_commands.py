"""One-off conversions from the command line, as somebody without a portal runs them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.conftest import Converter
from tests.manage import manage
from tests.portal import Portal
from tests.store.client import ObjectStore

PEOPLE = "id;name\n1;Ann\n2;Bob\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A place with a file and no portal."""
    (tmp_path / "people.csv").write_text(PEOPLE)
    return tmp_path


def test_convert_file_works_right_after_the_clone(home: Path) -> None:
    done = manage(home, "convert_file", "people.csv", "people.parquet", after="clone")
    assert done.returncode == 0, done.stderr
    assert "2 rows, 2 columns" in done.stdout
    assert pq.read_table(home / "people.parquet").to_pylist() == [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}]
    assert "\r" not in done.stderr, "a bar is for terminals"


def test_json_is_the_apis_answer_and_nothing_else(home: Path) -> None:
    done = manage(home, "convert_file", "people.csv", "people.parquet", "--format", "csv", "--json")
    answer: dict[str, Any] = json.loads(done.stdout)
    assert done.stderr == ""
    assert answer["success"] is True
    assert answer["metadata"]["rows"] == 2
    assert answer["metadata"]["receipt"]["bytes"] == (home / "people.parquet").stat().st_size


def test_options_and_compression_are_the_apis(home: Path) -> None:
    options = json.dumps({"column_mapping": {"name": "who"}, "type_overrides": {"id": "UInt8"}})
    done = manage(home, "convert_file", "people.csv", "out.parquet", "--options", options, "--compression", "zstd")
    assert done.returncode == 0, done.stderr
    table = pq.read_table(home / "out.parquet")
    assert (table.column_names, str(table.schema.field("id").type)) == (["id", "who"], "uint8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.csv", "out.parquet"], "missing.csv"),
        (["people.csv", "nowhere/out.parquet"], "nowhere"),
        (["people.csv", "out.parquet", "--options", "{"], "JSON"),
        (["people.csv", "out.parquet", "--options", '{"colour": 1}'], "options.colour"),
        (["people.csv", "out.parquet", "--format", "parquet"], "Parquet"),
        (["http://example.com/x.csv?X-Amz-Signature=1", "out.parquet"], "source_url"),
        (["people.csv", "https://example.com/x?X-Amz-Signature=1"], "output_url"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(home: Path, arguments: list[str], said: str) -> None:
    done = manage(home, "convert_file", *arguments)
    assert done.returncode == 2
    assert said.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert not (home / "out.parquet").exists()


def test_a_failure_leaves_an_existing_destination_as_it_was(home: Path) -> None:
    (home / "bad.csv").write_text("a,b\n1,2\n3\n")
    (home / "out.parquet").write_bytes(b"precious")
    done = manage(home, "convert_file", "bad.csv", "out.parquet", "--json")
    assert done.returncode == 2
    assert "3" in json.loads(done.stdout)["detail"]
    assert (home / "out.parquet").read_bytes() == b"precious"
    assert sorted(path.name for path in home.iterdir()) == ["bad.csv", "out.parquet", "people.csv", "var"]


def test_it_converts_from_and_to_signed_urls(home: Path, store: ObjectStore) -> None:
    store.put("command/people.csv", PEOPLE.encode())
    done = manage(
        home,
        "convert_file",
        store.presign("GET", "command/people.csv"),
        store.presign("PUT", "command/people.parquet"),
        DEV_STORAGE_HOSTS=store.host,
    )
    assert done.returncode == 0, done.stderr
    assert "Signature" not in done.stdout + done.stderr
    assert store.get("command/people.parquet")[:4] == b"PAR1"


def test_no_worker_of_a_portal_beside_it_takes_its_job(
    portal: Portal, converter: Converter, store: ObjectStore
) -> None:
    store.put("command/beside.csv", PEOPLE.encode())
    urls = store.presign("GET", "command/beside.csv"), store.presign("PUT", "command/beside.parquet")
    converter.convert(PEOPLE.encode(), "csv")  # the portal's workers are warm
    with ThreadPoolExecutor(1) as terminal:
        running = terminal.submit(
            manage,
            portal.data_dir.parent,
            *("convert_file", *urls),
            data_dir=portal.data_dir,
            DEV_STORAGE_HOSTS=store.host,
        )
        while not running.done():  # a worker that hears of a job takes the first that waits
            portal.post("/convert/file", converter.request(PEOPLE.encode(), "csv"))
    assert running.result().returncode == 0, running.result().stderr
    assert "2 rows, 2 columns" in running.result().stdout
    jobs = portal.request("GET", "/jobs?page_size=100").body["results"]
    (job,) = [it for it in jobs if it["destination"].endswith("command/beside.parquet")]
    events = portal.request("GET", f"/jobs/{job['job_id']}/events").body["events"]
    assert [(it["action"], it["actor"]) for it in events] == [
        (it, "command") for it in ("submitted", "started", "succeeded")
    ]


def test_infer_schema_lists_the_columns(home: Path) -> None:
    done = manage(home, "infer_schema", "people.csv")
    assert done.returncode == 0, done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["id", "Int64"], ["name", "String"]]


def test_infer_schema_prints_the_apis_answer(home: Path) -> None:
    answer = json.loads(manage(home, "infer_schema", "people.csv", "--json").stdout)
    assert answer["success"] is True
    assert answer["schema"]["total_rows"] == 2


def test_a_local_file_may_be_over_the_limit_for_callers(home: Path) -> None:
    done = manage(home, "convert_file", "people.csv", "out.parquet", MAX_FILE_SIZE_MB="0.000001")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"MAX_FILE_SIZE_MB": "lots"}, "MAX_FILE_SIZE_MB"),
        ({"ENV": "prod"}, "ENV"),
        ({"ENV": "production"}, "ALLOWED_HOSTS"),
        ({"ENV": "production", "ALLOWED_HOSTS": "t.example"}, "SECRET_KEY"),
        ({"RATE_LIMIT_CONVERT": "often"}, "RATE_LIMIT_CONVERT"),
    ],
)
def test_a_bad_setting_stops_the_start_with_one_line(home: Path, environment: dict[str, Any], said: str) -> None:
    done = manage(home, "check", **environment)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
