"""Sources that are files: detected, typed by all their rows, read in bounded batches. No Django here."""
