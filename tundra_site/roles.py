"""Roles out of the box: three groups, made with the database and brought up to date with every version."""

from __future__ import annotations

from typing import Any

VIEWER = ("conversions.view_conversionjob", "conversions.view_schedule", "connectors.view_credential")
OPERATOR = (
    *VIEWER,
    "conversions.add_conversionjob",
    "conversions.change_conversionjob",
    "conversions.view_jobinspection",
    "conversions.view_traceback",
    "conversions.add_schedule",
    "conversions.change_schedule",
    "conversions.delete_schedule",
    "conversions.add_apikey",
    "conversions.view_apikey",
)
ADMIN = (
    *OPERATOR,
    "conversions.change_apikey",
    "connectors.add_credential",
    "connectors.change_credential",
    "connectors.delete_credential",
    "connectors.use_credential",
    "connectors.view_event",
    "auth.add_user",
    "auth.change_user",
    "auth.view_user",
    "auth.view_group",
)
ROLES = {"viewer": VIEWER, "operator": OPERATOR, "admin": ADMIN}


def ensure(**_: Any) -> None:
    """Make the groups, and give them what they lack; what an operator has added stays."""
    from django.contrib.auth.models import Group, Permission  # noqa: PLC0415 - needs loaded apps

    for role, names in ROLES.items():
        group, _made = Group.objects.get_or_create(name=role)
        wanted = {tuple(name.split(".")) for name in names}
        found = Permission.objects.select_related("content_type").filter(codename__in=[name for _, name in wanted])
        group.permissions.add(*(it for it in found if (it.content_type.app_label, it.codename) in wanted))
