"""The documentation is true: its examples run, and every setting stands in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conversions.api.serializers import FileOptionsSerializer
from tests.manage import manage
from tests.portal import ROOT, Portal
from tests.store.client import ObjectStore

API = (ROOT / "docs" / "api.md").read_text()


def blocks(text: str, language: str) -> str:
    """All fenced blocks of a language, one after another, as one script."""
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("language", ["sh", "python"])
def test_the_examples_of_the_api_run(portal: Portal, store: ObjectStore, tmp_path: Path, language: str) -> None:
    made = manage(tmp_path, "create_api_key", f"docs-{language}", "--user", "admin", data_dir=portal.data_dir)
    store.put("docs/people.csv", b"id,name,joined\n1,Ann,2024-01-31\n2,Bob,2024-02-29\n")
    done = subprocess.run(
        ["bash", "-euc", blocks(API, "sh")] if language == "sh" else [sys.executable, "-c", blocks(API, "python")],
        cwd=tmp_path,
        env={
            **os.environ,
            "TUNDRA": portal.url,
            "TUNDRA_KEY": made.stdout.splitlines()[-1],
            "SOURCE_URL": store.presign("GET", "docs/people.csv"),
            "OUTPUT_URL": store.presign("PUT", "docs/people.parquet"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "rows" in done.stdout
    assert language == "python" or "PAR1" in done.stdout


def test_every_option_of_a_file_is_documented() -> None:
    undocumented = [name for name in FileOptionsSerializer().fields if f"`{name}`" not in API]
    assert undocumented == []


def test_every_setting_is_documented() -> None:
    source = (ROOT / "tundra_site" / "environment.py").read_text() + (ROOT / "deploy" / "gunicorn.conf.py").read_text()
    names = set(re.findall(r'(?:env\.\w+|environ\.get)\(\s*"([A-Z_]+)"', source))
    documentation = (ROOT / "docs" / "configuration.md").read_text()
    assert sorted(name for name in names if f"`{name}`" not in documentation) == []


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
        if not (document.parent / target).exists()
    ]
    assert broken == []


def test_every_promise_names_a_test_that_is_there() -> None:
    promises = (ROOT / "docs" / "reliability.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", promises)
    assert named
    missing = [name for file, name in named if f"\ndef {name}(" not in (ROOT / file).read_text()]
    assert missing == []


def test_tests_that_documents_name_exist() -> None:
    named = {
        (document.name, test)
        for document in (ROOT / "docs").glob("*.md")
        for test in re.findall(r"`(tests/[\w/]+\.py)", document.read_text())
    }
    assert named
    assert sorted((document, test) for document, test in named if not (ROOT / test).is_file()) == []
