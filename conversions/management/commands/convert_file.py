"""``manage.py convert_file SRC DEST``: one file to Parquet, here and now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from connectors.registry import FILE_FORMATS
from conversions.api import submissions
from conversions.api.answers import success_of
from conversions.api.serializers import COMPRESSIONS, FileRequestSerializer
from conversions.commands import JobCommand, checked, json_object, place, refuse_same_file
from conversions.services import Submission


class Command(JobCommand):
    """Convert one file."""

    help = "Convert a file (a local path or a signed URL) to Parquet (a local path or a signed PUT URL)."

    def add_arguments(self, parser: CommandParser) -> None:
        """The API's fields as flags."""
        parser.add_argument("source", metavar="SRC")
        parser.add_argument("destination", metavar="DEST", help="exists whole or not at all")
        parser.add_argument("--format", default="auto", choices=[*FILE_FORMATS, "auto"])
        parser.add_argument("--options", type=json_object, default={}, metavar="JSON", help="as in POST /convert/file")
        parser.add_argument("--compression", choices=COMPRESSIONS)
        parser.add_argument("--json", action="store_true", help="print the API's answer and nothing else")

    def handle(self, *_: Any, **given: Any) -> None:
        """Run it."""

        def submit() -> Submission:
            refuse_same_file(given["source"], given["destination"])
            request = checked(
                FileRequestSerializer,
                format=given["format"],
                options=given["options"],
                compression=given["compression"],
            )
            return submissions.file_conversion(
                request | place("source", given["source"]) | place("output", given["destination"])
            )

        job = self.run_job(submit, as_json=given["json"])
        if given["json"]:
            self.print_json(success_of(job))
        else:
            self.print_conversion(job)
