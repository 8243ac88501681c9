"""``manage.py`` as somebody at a terminal runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests import migrated
from tests.portal import ROOT


def manage(
    home: Path,
    *arguments: str,
    given: str = "",
    data_dir: Path | None = None,
    after: str = "migrate",
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run a command in ``home``, with a data directory there unless another is named, and ``given`` on stdin.

    ``after``: ``clone``, when there is not even a database.
    """
    data_dir = data_dir or home / "var"
    if after != "clone":
        migrated.put_into(data_dir)
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        cwd=home,
        env={**os.environ, "ENV": "dev", "TUNDRA_DATA_DIR": str(data_dir), **environment},
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
