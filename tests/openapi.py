"""Compare a running portal with its OpenAPI description: what that allows and forbids is what it does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.portal import Portal

# No schema says whether a URL is signed, has not expired and is an allowed store's, or whether a cursor is ours.
_BEYOND_SCHEMAS = "positive_data_acceptance"


def compare(portal: Portal, cwd: Path, *options: str) -> None:
    """Try every operation with every check that schemathesis has; it must find nothing."""
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            "run",
            f"{portal.url}/schema?format=json",
            "--url",
            portal.url,
            "--max-examples=5",
            "--checks=all",
            f"--exclude-checks={_BEYOND_SCHEMAS}",
            "--generation-database=:memory:",
            "--seed=1",
            *options,
        ],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
