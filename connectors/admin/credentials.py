"""Credentials in the console: tested before they are stored, and never shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin
from unfold.decorators import display

from connectors import services
from connectors.admin.pages import at_once, confirmed, form_page
from connectors.errors import ConversionError, Denied
from connectors.forms import CreateForm, RotateForm, SecretForm
from connectors.models import Credential

_READ_ONLY = (
    "connector_type",
    "state",
    "created_at",
    "rotated_at",
    "last_tested_at",
    "last_test_outcome",
    "last_used_at",
    "last_use_outcome",
)

_OF_ROTATING = "Fill in what has changed, as a rule the password. What is left empty stays as it is stored."


@admin.register(Credential)
class CredentialAdmin(ModelAdmin):  # type: ignore[misc]
    """References are listed, shared, tested and disabled here; secrets only go in."""

    list_display = (
        "id",
        "connector_type",
        "state",
        "test_outcome",
        "last_tested_at",
        "use_outcome",
        "last_used_at",
        "owner",
    )
    list_filter = ("connector_type", "is_disabled", "for_everyone", "last_test_outcome", "last_use_outcome")
    list_select_related = ("owner",)
    search_fields = ("id", "owner__username")
    search_help_text = "Credentials id or owner"
    actions = ("test_connections", "disable", "enable")
    autocomplete_fields = ("owner", "users", "groups")
    change_form_outer_before_template = "connectors/credential_actions.html"
    readonly_fields = ("id", *_READ_ONLY)
    fieldsets = (
        (None, {"fields": ("id", "connector_type", "state")}),
        ("Who may use it", {"fields": ("owner", "users", "groups", "for_everyone")}),
        ("History", {"fields": _READ_ONLY[2:]}),
    )

    def get_urls(self) -> list[URLPattern]:
        """One page more: rotate."""
        rotate = path(
            "<path:object_id>/rotate/",
            self.admin_site.admin_view(self.rotate_view),
            name="connectors_credential_rotate",
        )
        return [rotate, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Ask for credentials, test them, store them."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._secret_page(request, CreateForm, "Add credentials", None, _create)

    def rotate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for what has changed, test it, store it."""
        credential = get_object_or_404(Credential, pk=object_id)
        if not self.has_change_permission(request, credential):
            raise PermissionDenied

        def rotate(form: SecretForm, _user: User) -> Credential:
            services.rotate(credential, services.changed(credential, form.secret()))
            return credential

        return self._secret_page(request, RotateForm, f"Rotate {credential}", credential, rotate)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Who may use it now."""
        super().save_related(request, form, formsets, change)
        services.note_grants(form.instance)

    def delete_model(self, request: HttpRequest, obj: Credential) -> None:
        """Remove secret and reference, or neither."""
        services.delete(obj)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Back to the credential when the secret store refuses."""
        try:
            answer: HttpResponse = super().delete_view(request, object_id, extra_context)
        except ConversionError as error:
            return self._refused(request, error, reverse("admin:connectors_credential_change", args=[object_id]))
        return answer

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Back to the list when the secret store refuses to delete."""
        try:
            answer: HttpResponse = super().changelist_view(request, extra_context)
        except ConversionError as error:
            return self._refused(request, error, reverse("admin:connectors_credential_changelist"))
        return answer

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Credential]) -> None:
        """The same for each."""
        for credential in queryset:
            services.delete(credential)

    @admin.action(description="Test the selected connections", permissions=["change"])
    def test_connections(self, request: HttpRequest, chosen: QuerySet[Credential]) -> HttpResponse | None:
        """Connect with the stored secrets."""
        return at_once(self, request, chosen, lambda it: services.describe(services.test(it)))

    @admin.action(description="Disable the selected credentials", permissions=["change"])
    def disable(self, request: HttpRequest, chosen: QuerySet[Credential]) -> HttpResponse | None:
        """Nobody may use them any more."""
        return confirmed(self, request, chosen, "Disable", lambda it: _set_disabled(it, is_disabled=True))

    @admin.action(description="Enable the selected credentials", permissions=["change"])
    def enable(self, request: HttpRequest, chosen: QuerySet[Credential]) -> HttpResponse | None:
        """Whoever may use them may do so again."""
        return confirmed(self, request, chosen, "Enable", lambda it: _set_disabled(it, is_disabled=False))

    @display(description="state", ordering="is_disabled", label={"enabled": "success", "disabled": "danger"})  # type: ignore[untyped-decorator]
    def state(self, credential: Credential) -> str:
        """Enabled or disabled, in its colour."""
        return "disabled" if credential.is_disabled else "enabled"

    @display(description="last test", ordering="last_test_outcome", label={services.GOOD: "success"})  # type: ignore[untyped-decorator]
    def test_outcome(self, credential: Credential) -> str:
        """What the last test said."""
        return credential.last_test_outcome or "never"

    @display(description="last use", ordering="last_use_outcome", label={services.GOOD: "success"})  # type: ignore[untyped-decorator]
    def use_outcome(self, credential: Credential) -> str:
        """What came of the last conversion."""
        return credential.last_use_outcome or "never"

    def _secret_page(
        self,
        request: HttpRequest,
        form_class: type[SecretForm],
        title: str,
        credential: Credential | None,
        keep: Callable[[Any, User], Credential],
    ) -> HttpResponse:
        form = form_class(request.POST or None)
        if request.method == "POST" and form.is_valid() and isinstance(request.user, User):
            try:
                kept = keep(form, request.user)
            except ConversionError as error:
                form.blame(error)
            else:
                return self._kept(request, kept, is_new=credential is None)
        note = _OF_ROTATING if credential else ""
        return form_page(self, request, form, title, "Test and store", credential, note)

    def _refused(self, request: HttpRequest, error: ConversionError, back: str) -> HttpResponse:
        self.message_user(request, error.message, messages.ERROR)
        return HttpResponseRedirect(back)

    def _kept(self, request: HttpRequest, credential: Credential, *, is_new: bool) -> HttpResponse:
        if is_new:
            self.log_addition(request, credential, "tested and stored")
        else:
            self.log_change(request, credential, "rotated")
        self.message_user(request, f"{credential}: the connection works; stored.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:connectors_credential_change", args=[credential.pk]))


def _set_disabled(credential: Credential, *, is_disabled: bool) -> str:
    services.set_disabled(credential, is_disabled=is_disabled)
    return "disabled" if is_disabled else "enabled"


def _create(form: CreateForm, user: User) -> Credential:
    if form.cleaned_data["is_stored"] and not services.may_use_all(user):
        raise Denied("Only who may use every credential can make a reference to a secret that is stored already.")
    return services.create(
        form.cleaned_data["id"],
        form.cleaned_data["connector_type"],
        None if form.cleaned_data["is_stored"] else form.secret(),
        owner=user,
        for_everyone=form.cleaned_data["for_everyone"],
    )
