"""Where credentials are kept: Google Secret Manager, or an encrypted directory. No Django here."""
