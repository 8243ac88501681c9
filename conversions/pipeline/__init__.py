"""What becomes of the data: one conversion, from an opened source to a delivered Parquet file. No Django here."""
