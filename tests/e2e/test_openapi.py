"""An open portal does what its OpenAPI description says."""

from __future__ import annotations

from pathlib import Path

from tests.openapi import compare
from tests.portal import Portal


def test_the_portal_behaves_as_it_says(portal: Portal, tmp_path: Path) -> None:
    compare(portal, tmp_path, "--generation-with-security-parameters=false", "--phases=examples,fuzzing")
