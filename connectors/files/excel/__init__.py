"""Workbooks: xlsx, xlsb, xls and ods."""
