"""A portal that wants keys does what its OpenAPI description says, to those with a key and those without."""

from __future__ import annotations

from pathlib import Path

from tests.api.conftest import client
from tests.openapi import compare
from tests.portal import Portal


def test_the_portal_behaves_as_it_says(guarded: Portal, tmp_path: Path) -> None:
    curious = client(guarded, "curious", "bob")
    compare(guarded, tmp_path, f"--header=Authorization: Bearer {curious.token}")
