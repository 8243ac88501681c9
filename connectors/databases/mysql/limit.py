"""How MySQL and MariaDB are told to end a statement that takes too long."""

from __future__ import annotations


def statement_limit(version: str, seconds: float) -> str:
    """The statement that sets the limit for a session; each of the two servers has its own."""
    if "mariadb" in version.lower():
        return f"SET SESSION max_statement_time = {max(0.001, seconds):.3f}"
    return f"SET SESSION max_execution_time = {max(1, int(seconds * 1000))}"
