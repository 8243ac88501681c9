"""Decimals at the edge of 38 digits: Arrow's own cast wraps around there, ours never does."""

from __future__ import annotations

from decimal import Decimal, localcontext
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.files.casts import cast_exact
from connectors.files.opening import open_file
from connectors.files.options import FileOptions
from connectors.source import Context, SchemaChanged

WIDE = "12345678901234567890123456789012345678"


@pytest.mark.parametrize(
    ("text", "scale", "fits"),
    [
        (WIDE, 10, False),
        (WIDE, 0, True),
        ("-" + WIDE[:28] + ".5", 10, True),
        (WIDE[:29], 10, False),
        ("1e30", 10, False),
        ("1e27", 10, True),
        ("0" * 50 + "7", 10, True),
        ("+7.5", 10, True),
    ],
)
def test_a_cast_keeps_the_number_or_says_it_does_not_fit(text: str, scale: int, fits: bool) -> None:
    cast = cast_exact(pa.array([text, None, "1"]), pa.decimal128(38, scale))
    assert list(cast.misfits) == ([] if fits else [0])
    if fits:
        with localcontext() as context:
            context.prec = 60
            assert cast.values[0].as_py() == Decimal(text)


def test_a_wide_number_after_long_fractions_is_not_changed(tmp_path: Path) -> None:
    values = ["1.0123456789"] * 2000 + ["123456789012345678901234567890.5", "-98765432109876543210987654321098.25"]
    path = tmp_path / "wide.csv"
    path.write_text("n\n" + "\n".join(values) + "\n")
    with open_file(path, "csv", FileOptions(), Context(temp_dir=tmp_path)) as source:
        try:
            batches = list(source.batches())
        except SchemaChanged:
            batches = list(source.batches())
    read = [value for batch in batches for value in batch.column(0).to_pylist()]
    assert [Decimal(str(value)) for value in read] == [Decimal(value) for value in values]
