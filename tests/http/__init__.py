"""The HTTP edge: signed URLs, vetted downloads, proven uploads."""
