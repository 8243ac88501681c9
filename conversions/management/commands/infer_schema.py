"""``manage.py infer_schema SRC``: the types a conversion would write."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from connectors.registry import FILE_FORMATS
from conversions.api import submissions
from conversions.api.answers import success_of
from conversions.api.serializers import SchemaRequestSerializer
from conversions.commands import JobCommand, checked, json_object, place
from conversions.services import Submission


class Command(JobCommand):
    """Infer one file's schema."""

    help = "Tell the columns and types of a file (a local path or a signed URL) as a conversion would write them."

    def add_arguments(self, parser: CommandParser) -> None:
        """The API's fields as flags."""
        parser.add_argument("source", metavar="SRC")
        parser.add_argument("--format", default="auto", choices=[*FILE_FORMATS, "auto"])
        parser.add_argument("--options", type=json_object, default={}, metavar="JSON", help="as in POST /infer/schema")
        parser.add_argument("--sample-size", type=int, metavar="ROWS")
        parser.add_argument("--json", action="store_true", help="print the API's answer and nothing else")

    def handle(self, *_: Any, **given: Any) -> None:
        """Run it."""

        def submit() -> Submission:
            request = checked(
                SchemaRequestSerializer,
                format=given["format"],
                options=given["options"],
                sample_size=given["sample_size"],
            )
            return submissions.schema_inference(request | place("source", given["source"]))

        job = self.run_job(submit, as_json=given["json"])
        if given["json"]:
            self.print_json(success_of(job))
            return
        found = job.result or {}
        for column in found["schema"]["columns"]:
            nullable = "null" if column["nullable"] else "not null"
            values = ", ".join(str(value) for value in column["sample_values"][:3])
            self.stdout.write(f"{column['name']:30} {column['inferred_type']:20} {nullable:9} {values}")
        for warning in found["warnings"]:
            self.stdout.write(self.style.WARNING(f"warning: {warning['message']}"))
