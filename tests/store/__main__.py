"""``python -m tests.store --directory DIR [--port N] [--certificate PEM]``: prints its port, runs until stdin ends."""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

from tests.store.server import Store


def main() -> None:
    """Serve until whoever started this process is gone."""
    parser = argparse.ArgumentParser(prog="python -m tests.store")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--certificate", type=Path)
    arguments = parser.parse_args()
    store = Store(arguments.directory, arguments.port, arguments.certificate)
    threading.Thread(target=store.serve_forever, daemon=True).start()
    sys.stdout.write(f"{store.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
