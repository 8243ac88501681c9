"""SQLite files in the one directory that the operator allows."""

from connectors.databases.credentials import Credentials
from connectors.databases.hosts import HostPolicy


def check(credentials: Credentials, policy: HostPolicy) -> str:
    raise NotImplementedError
