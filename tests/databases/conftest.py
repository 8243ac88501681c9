"""Fixtures of the database tests."""

from __future__ import annotations

from tests.databases.fixtures import maria, postgres

__all__ = ["maria", "postgres"]
