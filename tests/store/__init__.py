"""A small object store for tests and the demonstration: SigV4 signed URLs, objects on disk, faults on request."""
