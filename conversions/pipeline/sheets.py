"""All sheets of a workbook: one Parquet file for each that has a table, in the portal's own store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from connectors.errors import ConversionError, InvalidRequest, UnreadableFile
from connectors.files.opening import list_sheets, open_file
from connectors.files.options import FileOptions
from connectors.urls import parse_signed_url
from conversions.pipeline.attempt import Attempt
from conversions.pipeline.convert import convert
from conversions.pipeline.delivery import Destination

_SUMS = ("rows", "columns", "file_size_mb", "rows_skipped", "row_groups")


def convert_sheets(path: Path, kind: str, options: FileOptions, attempt: Attempt) -> dict[str, Any]:
    """Convert every sheet with a table; the contract's ``metadata`` of all together, and of each in ``outputs``.

    A sheet whose cells are no table is left out with a warning.

    Raises:
        InvalidRequest: there are more sheets than places for them.
        UnreadableFile: no sheet has a table.
        ConversionError: whatever a sheet is refused for; the sentence names it.
    """
    sheets = list_sheets(path, kind, attempt.context())
    places = attempt.assignment.request["sheet_places"]
    if len(sheets) > len(places):
        raise InvalidRequest(
            f"The workbook has {len(sheets)} sheets with cells, and one conversion takes {len(places)} at the most. "
            "Convert them by sheet_index.",
            code="too_many_sheets",
        )
    outputs: list[dict[str, Any]] = []
    empty: list[str] = []
    for index, name in sheets:
        try:
            outputs.append(_convert_one(path, kind, replace(options, sheet_index=index), attempt, places[len(outputs)]))
        except UnreadableFile as error:
            if error.code != "no_columns":
                raise _named(name, error) from error
            empty.append(f"Sheet '{name}' is left out: {error.message}")
        except ConversionError as error:
            raise _named(name, error) from error
    if not outputs:
        raise UnreadableFile("No sheet of the workbook has a table.", code="no_columns")
    return _together(outputs, empty, attempt)


def _convert_one(path: Path, kind: str, options: FileOptions, attempt: Attempt, place: str) -> dict[str, Any]:
    part = attempt.part()
    with open_file(path, kind, options, part.context(path.stat().st_size)) as source:
        metadata = convert(source, _destination(place, attempt), part)
        attempt.inspection = attempt.inspection or part.inspection
        return {"sheet": source.facts["sheet"], **metadata, "source": dict(source.facts)}


def _destination(place: str, attempt: Attempt) -> Destination:
    if "://" not in place:
        return Path(place)
    return parse_signed_url(place, attempt.assignment.urls["output_url"], field="output_url")


def _named(sheet: str, error: ConversionError) -> ConversionError:
    error.message = f"Sheet '{sheet}': {error.message}"
    return error


def _together(outputs: list[dict[str, Any]], empty: list[str], attempt: Attempt) -> dict[str, Any]:
    warnings = [f"Sheet '{one['sheet']}': {text}" for one in outputs for text in one["warnings"] or ()]
    fields = [{"sheet": one["sheet"], **field} for one in outputs for field in one["column_schema"]["fields"]]
    receipts = [one["receipt"] for one in outputs]
    return {
        **{name: round(sum(one[name] or 0 for one in outputs), 4) for name in _SUMS},
        "column_schema": {"fields": fields, "format": "parquet"},
        "processing_time_seconds": outputs[-1]["processing_time_seconds"],
        "warnings": [*empty, *warnings] or None,
        "receipt": {
            "bytes": sum(receipt["bytes"] for receipt in receipts),
            "rows": sum(receipt["rows"] for receipt in receipts),
            "attempts": max(receipt["attempts"] for receipt in receipts),
            "verified": receipts[0]["verified"],
            "sha256": None,
            "etag": None,
        },
        "outputs": outputs,
        "source": {**outputs[0]["source"], "sheet": None},
    }
