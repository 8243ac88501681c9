#!/usr/bin/env python
"""The door for commands."""

import os
import sys

from environs import EnvError


def main() -> None:
    """Run a management command; a bad environment variable is one line, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tundra_site.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - settings are read from here on

    try:
        execute_from_command_line(sys.argv)
    except EnvError as error:
        sys.exit(f"Configuration: {error}")


if __name__ == "__main__":
    main()
