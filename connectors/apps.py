"""The room of sources."""

from django.apps import AppConfig


class ConnectorsConfig(AppConfig):
    """Where data comes from."""

    name = "connectors"
