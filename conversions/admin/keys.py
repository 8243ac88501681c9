"""API keys in the console: made, shown once, revoked."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from unfold.admin import ModelAdmin
from unfold.decorators import display

from connectors.admin.pages import confirmed, form_page
from connectors.errors import ConversionError
from conversions import keys
from conversions.forms import ApiKeyForm
from conversions.models import ApiKey


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):  # type: ignore[misc]
    """Keys are never changed: they are made for a purpose and revoked."""

    list_display = ("name", "user", "start", "state", "scopes_shown", "created_at", "expires_at", "last_used_at")
    list_filter = (("user", admin.RelatedOnlyFieldListFilter), "created_at", "expires_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("name", "user__username", "start")
    search_help_text = "Name, user, or how the key begins"
    actions = ("revoke_keys",)
    change_form_outer_before_template = "conversions/api_key_actions.html"
    fields = (
        "name",
        "user",
        "start",
        "state",
        "scopes_shown",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        """One's own; all of them for who may change them."""
        found: QuerySet[ApiKey] = super().get_queryset(request)
        return found if request.user.has_perm("conversions.change_apikey") else found.filter(user=request.user.pk)

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Every field is read-only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """A key that is revoked stays, so that history can name it."""
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever may make keys may end those they see."""
        return bool(request.user.has_perm("conversions.add_apikey"))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Make a key and show its token, once."""
        if not (self.has_add_permission(request) and isinstance(request.user, User)):
            raise PermissionDenied
        form = ApiKeyForm(request.POST or None, request.user)
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            try:
                key, token = keys.create(
                    given["name"], given["user"], scopes=form.scopes, expires_at=given["expires_at"]
                )
            except ConversionError as error:
                form.blame(error)
            else:
                self.log_addition(request, key, "made")
                return self._shown_once(request, key, token)
        return form_page(self, request, form, "Add API key", "Make the key")

    @display(description="state", label={"usable": "success", "expired": "warning", "revoked": "danger"})  # type: ignore[untyped-decorator]
    def state(self, key: ApiKey) -> str:
        """Whether it opens the door."""
        if key.revoked_at:
            return "revoked"
        return "usable" if key.is_usable else "expired"

    @admin.display(description="may")
    def scopes_shown(self, key: ApiKey) -> str:
        """Its scopes."""
        return ", ".join(key.scopes)

    @admin.action(description="Revoke the selected keys", permissions=["revoke"])
    def revoke_keys(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> HttpResponse | None:
        """They open nothing from now on."""
        return confirmed(self, request, chosen, "Revoke", _revoke)

    def _shown_once(self, request: HttpRequest, key: ApiKey, token: str) -> HttpResponse:
        page = {
            **self.admin_site.each_context(request),
            "title": f"API key {key}",
            "opts": self.model._meta,
            "key": key,
            "token": token,
        }
        shown: HttpResponse = never_cache(render)(request, "conversions/api_key_made.html", page)
        return shown


def _revoke(key: ApiKey) -> str:
    keys.revoke(key)
    return "revoked"
