"""Delimited text: CSV, TSV and friends."""
