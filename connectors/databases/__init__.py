"""Sources that are database tables and queries. No Django here."""
