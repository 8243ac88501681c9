"""The OpenAPI description is true: what it allows and forbids is what a running portal does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.portal import Portal


def test_the_portal_behaves_as_it_says(portal: Portal, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            "run",
            f"{portal.url}/schema?format=json",
            "--url",
            portal.url,
            "--max-examples=15",
            "--checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
            "--generation-database=:memory:",
            "--seed=1",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
