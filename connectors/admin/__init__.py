"""The room's pages in the console."""

from connectors.admin.credentials import CredentialAdmin
from connectors.admin.events import EventAdmin

__all__ = ["CredentialAdmin", "EventAdmin"]
