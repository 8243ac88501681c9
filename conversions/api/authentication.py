"""How callers say who they are."""

from __future__ import annotations

from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request


class ConsoleSession(SessionAuthentication):
    """Somebody logged in to the console. Answers 401, not 403, to nobody: they may become somebody."""

    def authenticate_header(self, request: Request) -> str:
        """The challenge that goes with a 401."""
        return "Session"
