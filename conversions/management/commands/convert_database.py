"""``manage.py convert_database DEST``: one table or query to Parquet, here and now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from connectors.models import Credential
from conversions.api import submissions
from conversions.api.answers import success_of
from conversions.api.database_serializers import DatabaseRequestSerializer
from conversions.api.serializers import COMPRESSIONS
from conversions.commands import JobCommand, checked, json_object, partitions, place
from conversions.services import Submission


class Command(JobCommand):
    """Convert one table or query. Whoever may run commands on this machine may use every credential."""

    help = "Convert a table or a query of a database to Parquet (a local path or a signed PUT URL)."

    def add_arguments(self, parser: CommandParser) -> None:
        """The API's fields as flags."""
        parser.add_argument("destination", metavar="DEST", help="exists whole or not at all")
        parser.add_argument("--credentials-id", required=True, metavar="ID")
        parser.add_argument("--connector-type", metavar="KIND", help="only for a secret without a reference here")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--table-name", metavar="T")
        what.add_argument("--query", metavar="Q")
        parser.add_argument(
            "--column", action="append", dest="columns", metavar="C", help="of the table, not all; repeat"
        )
        parser.add_argument("--partition-column", metavar="C")
        parser.add_argument("--partition-num", type=partitions, metavar="N", help="a number, or auto")
        parser.add_argument("--compression", choices=COMPRESSIONS)
        parser.add_argument(
            "--options", type=json_object, default={}, metavar="JSON", help="as in POST /convert/database"
        )
        parser.add_argument("--json", action="store_true", help="print the API's answer and nothing else")

    def handle(self, *_: Any, **given: Any) -> None:
        """Run it."""
        job = self.run_job(lambda: _submission(given), as_json=given["json"])
        if given["json"]:
            self.print_json(success_of(job))
        else:
            self.print_conversion(job)


def _submission(given: dict[str, Any]) -> Submission:
    fields = (
        "credentials_id",
        "table_name",
        "query",
        "columns",
        "partition_column",
        "partition_num",
        "compression",
        "options",
    )
    request = checked(
        DatabaseRequestSerializer,
        connector_type=given["connector_type"] or _connector_type(given["credentials_id"]),
        **{name: given[name] for name in fields},
    )
    return submissions.database_conversion(request | place("output", given["destination"]))


def _connector_type(credentials_id: str) -> str:
    """The reference's kind; a secret without a reference is taken for PostgreSQL unless the flag says otherwise."""
    found = Credential.objects.filter(pk=credentials_id).values_list("connector_type", flat=True).first()
    return found or "postgresql"
