"""People and roles in the console."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from connectors import events
from tundra_site.login import LoginForm

admin.site.unregister(User)
admin.site.unregister(Group)
admin.site.login_form = LoginForm


class AuditedAdmin(ModelAdmin):  # type: ignore[misc]
    """Every change goes into the audit log besides Django's own history."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Somebody was added."""
        events.record(_subject(obj), "created", name=str(obj))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Somebody was changed."""
        events.record(_subject(obj), "changed", name=str(obj), changes=message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Some were removed."""
        for obj in queryset:
            events.record(_subject(obj), "deleted", name=str(obj))
        return super().log_deletions(request, queryset)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, AuditedAdmin):  # type: ignore[type-arg]
    """Who may log in, and as what. Only a superuser makes superusers or changes one."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("groups", "is_active", "is_superuser")
    filter_horizontal = ()
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "usable_password", "password1", "password2")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What would let somebody rise above themselves."""
        return () if request.user.is_superuser else ("is_superuser", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A superuser is changed by superusers: whoever sets a password can log in with it."""
        is_above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not is_above and bool(super().has_change_permission(request, obj))


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, AuditedAdmin):
    """Roles: viewer, operator and admin are there from the start."""


def _subject(obj: Any) -> str:
    return f"{obj._meta.model_name} {obj.pk}"
