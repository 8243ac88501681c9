"""A big ordinary sheet: our source, beside fastexcel alone. Run: python -m benchmarks.excel [rows]"""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
from pathlib import Path

import fastexcel
import xlsxwriter

from benchmarks.json import best
from connectors.files.excel.source import open as open_excel
from connectors.files.options import FileOptions
from connectors.source import Context


def main(rows: int) -> None:
    """Print the best of three of each, and their ratio."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "rows.xlsx"
        write(path, rows)
        print(f"{rows} rows, {path.stat().st_size / 1e6:.0f} MB")
        ours = best(lambda: drain(path, Path(directory)))
        theirs = best(lambda: fastexcel.read_excel(path).load_sheet(0).to_arrow())
        print(f"ours {ours:.2f} s, fastexcel {theirs:.2f} s, ratio {ours / theirs:.2f}")


def write(path: Path, rows: int) -> None:
    """Ten columns of numbers, shared texts, dates and booleans."""
    with xlsxwriter.Workbook(path) as book:
        day, sheet = book.add_format({"num_format": "yyyy-mm-dd"}), book.add_worksheet()
        sheet.write_row(0, 0, ["id", "name", "amount", "day", "flag", "city", "a", "b", "c", "note"])
        for i in range(1, rows + 1):
            sheet.write_row(i, 0, [i, f"user {i % 5000}", i / 100])
            sheet.write_datetime(i, 3, dt.datetime(2020, 1, 1) + dt.timedelta(days=i % 1000), day)
            sheet.write_row(i, 4, [i % 2 == 0, f"city {i % 50}", i % 7, i / 3, i * i, f"note {i}"])


def drain(path: Path, temp_dir: Path) -> None:
    """Read every batch."""
    with open_excel(path, FileOptions(), Context(temp_dir)) as source:
        for _ in source.batches():
            pass


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
