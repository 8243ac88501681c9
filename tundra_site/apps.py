"""The hall's Django configuration."""

from django.apps import AppConfig


class TundraSiteConfig(AppConfig):
    """Registers the system checks, the roles and what listens to logins."""

    name = "tundra_site"

    def ready(self) -> None:
        """Import what registers itself."""
        from django.apps import apps  # noqa: PLC0415 - needs loaded apps
        from django.db.models.signals import post_migrate  # noqa: PLC0415

        from tundra_site import checks, login, roles  # noqa: F401, PLC0415 - registration

        login.connect()
        # Sent for the last app that has tables: by then every permission is there.
        post_migrate.connect(roles.ensure, sender=apps.get_app_config("conversions"))
