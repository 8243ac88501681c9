"""The hall's Django configuration."""

from django.apps import AppConfig


class TundraSiteConfig(AppConfig):
    """Registers the system checks."""

    name = "tundra_site"

    def ready(self) -> None:
        """Import what registers itself."""
        from tundra_site import checks  # noqa: F401, PLC0415 - registration
