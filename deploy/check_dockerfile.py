"""Exercise what the Dockerfile does, without Docker: its COPY sources exist, its RUN steps and start command work.

The base image's steps (``useradd``, the base itself) need Docker; everything of ours is run here in a scratch copy.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def copied_paths(dockerfile: str) -> list[str]:
    """What COPY takes from the build context."""
    lines = [line.split() for line in dockerfile.splitlines() if line.startswith("COPY ")]
    return [line[1] for line in lines if not line[1].startswith("--")]


def main() -> None:
    """Copy what the image gets, compile it, and run its entry point on it alone."""
    paths = copied_paths((ROOT / "Dockerfile").read_text())
    with tempfile.TemporaryDirectory() as directory:
        app = Path(directory) / "app"
        app.mkdir()
        for name in paths:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, app / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, app / name)
        environment = {**os.environ, "TUNDRA_DATA_DIR": str(app / "data"), "ENV": "dev"}
        for step in (
            ["-m", "compileall", "-q", "tundra_site", "connectors", "conversions"],
            ["manage.py", "check"],
            ["manage.py", "serve", "--help"],
        ):
            subprocess.run([sys.executable, *step], cwd=app, env=environment, check=True, stdout=subprocess.DEVNULL)
    sys.stdout.write(f"The image's steps work on {', '.join(paths)}.\n")


if __name__ == "__main__":
    main()
