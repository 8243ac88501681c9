"""An embedded database as the migrations leave it: made once, then handed to every portal that is to start quickly."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "db.sqlite3"


def put_into(data_dir: Path) -> None:
    """Give the data directory a database, unless it has one."""
    data_dir.mkdir(parents=True, exist_ok=True)
    if not (data_dir / NAME).exists():
        shutil.copyfile(Path(_made().name) / NAME, data_dir / NAME)


@cache
def _made() -> tempfile.TemporaryDirectory[str]:
    """Where it is; removed when this process ends."""
    home = tempfile.TemporaryDirectory(prefix="tundra-migrated-")
    environment = {**os.environ, "ENV": "dev", "TUNDRA_DATA_DIR": home.name}
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], cwd=ROOT, env=environment, check=True)
    return home
