"""What MySQL and MariaDB servers do each in their own way, and how a session is held to the portal's."""

from __future__ import annotations

from typing import Any

from connectors.errors import InvalidRequest


def habits(cursor: Any) -> tuple[str, list[str]]:
    """The server's version and the SQL modes that its sessions begin with."""
    cursor.execute("SELECT VERSION(), @@SESSION.sql_mode")
    version, modes = cursor.fetchone() or ("", "")
    return version, [mode for mode in modes.split(",") if mode]


def check_backslashes(query: str, modes: list[str]) -> None:
    """Refuse a query in which this server sees other strings than the statement guard has seen."""
    if "\\" in query and ("NO_BACKSLASH_ESCAPES" in modes or ("ANSI_QUOTES" in modes and '"' in query)):
        raise InvalidRequest(
            "The query contains a backslash, which this server's sql_mode (NO_BACKSLASH_ESCAPES or ANSI_QUOTES) reads "
            "in its own way; write it as CHAR(92).",
            code="query_not_allowed",
        )


def statement_limit(version: str, seconds: float) -> str:
    """The statement that ends those of a session that take too long; each of the two servers has its own."""
    if "mariadb" in version.lower():
        return f"SET SESSION max_statement_time = {max(0.001, seconds):.3f}"
    return f"SET SESSION max_execution_time = {max(1, int(seconds * 1000))}"
