"""The error codes and the commands of the operators' documentation are those of the portal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.docs.error_codes import error_codes
from tests.e2e.test_uploads import PEOPLE, upload
from tests.manage import manage
from tests.portal import ROOT, Portal

ERRORS = (ROOT / "docs" / "errors.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
ROWS = [[cell.strip() for cell in row[1:-1].split(" | ")] for row in re.findall(r"^\| `.*\|$", ERRORS, re.MULTILINE)]
LISTED = [code for row in ROWS for code in re.findall("`([a-z_]+)`", row[0])]


def test_every_code_that_the_source_can_produce_is_listed_once() -> None:
    assert sorted(error_codes() - set(LISTED)) == []
    assert sorted(set(LISTED) - error_codes()) == [], "no longer in the source"
    assert [code for code, times in Counter(LISTED).items() if times > 1] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_code_says_status_repeat_meaning_and_what_to_do(row: list[str]) -> None:
    assert len(row) == 5
    statuses, again, *words = row[1:]
    assert all(400 <= int(status) < 600 for status in statuses.split(", "))
    assert again in {"yes", "no", "see job"}
    assert all(words)


def test_the_backup_of_the_embedded_portal_can_be_restored(portal: Portal, tmp_path: Path) -> None:
    job = portal.post("/convert/file", {"upload_id": upload(portal), "format": "csv"})["job_id"]
    (tmp_path / "backup").mkdir()
    (tmp_path / "restored").mkdir()
    places = {**os.environ, "BACKUP": str(tmp_path / "backup"), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    backup, restore = (script_with(OPERATIONS, word) for word in ("VACUUM INTO", 'tar -C "$TUNDRA_DATA_DIR" -xf'))
    subprocess.run(["bash", "-euc", backup], check=True, env={**places, "TUNDRA_DATA_DIR": str(portal.data_dir)})
    subprocess.run(["bash", "-euc", restore], check=True, env={**places, "TUNDRA_DATA_DIR": str(tmp_path / "restored")})
    shown = manage(
        tmp_path, "shell", "--no-imports", "-c", WHAT_IS_KEPT.format(job=job), data_dir=tmp_path / "restored"
    )
    assert shown.stdout.split() == ["succeeded", str(len(PEOPLE)), "b'PAR1'"], shown.stderr


WHAT_IS_KEPT = """
from conversions import outputs
from conversions.models import ConversionJob
job = ConversionJob.objects.get(pk="{job}")
print(job.status, job.upload.bytes, next(iter(outputs.of(job).read(0, 4))))
"""


def script_with(text: str, words: str) -> str:
    """The one shell block that has these words."""
    found = [block for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE) if words in block]
    assert len(found) == 1
    return str(found[0])
