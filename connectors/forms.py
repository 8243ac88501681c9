"""Forms that take credentials and never give them back."""

from __future__ import annotations

from typing import Any, get_args

from django import forms
from django.conf import settings
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from connectors import services
from connectors.databases.credentials import SslMode
from connectors.errors import ConversionError
from connectors.models import Credential

SECRET_FIELDS = ("host", "port", "database", "username", "password", "ssl_mode", "ssl_root_cert")


def _text(**given: Any) -> forms.CharField:
    return forms.CharField(widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}), required=False, **given)


class SecretForm(forms.Form):
    """The fields of a secret. What is left empty is not part of ``secret()``."""

    host = _text()
    port = forms.IntegerField(
        widget=UnfoldAdminIntegerFieldWidget(),
        required=False,
        min_value=1,
        max_value=65535,
        help_text="The connector's usual port when empty.",
    )
    database = _text()
    username = _text()
    password = forms.CharField(
        widget=UnfoldAdminPasswordWidget({"autocomplete": "new-password"}), required=False, strip=False
    )
    ssl_mode = forms.ChoiceField(
        label="TLS",
        widget=UnfoldAdminSelectWidget(),
        required=False,
        help_text="Encrypted where the server can when not given: prefer.",
        choices=[("", "not given"), *((mode, mode) for mode in get_args(SslMode))],
    )
    ssl_root_cert = forms.CharField(
        label="TLS authority",
        widget=UnfoldAdminTextareaWidget({"rows": 4}),
        required=False,
        help_text="PEM of the authority that signed the server's certificate, when it is not a public one.",
    )

    def secret(self) -> dict[str, Any]:
        """What was filled in."""
        return {name: value for name in SECRET_FIELDS if (value := self.cleaned_data[name]) not in ("", None)}

    def blame(self, error: ConversionError) -> None:
        """Show a refusal at the field it is about."""
        for name in error.errors:
            field = name.removeprefix("credentials.")
            if field in self.fields:
                self.add_error(field, error.message)
                return
        self.add_error(None, " ".join(part for part in (error.message, error.hint) if part))


class RotateForm(SecretForm):
    """New credentials in place of the stored ones: what an empty field means is said above them."""

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        for field in self.fields.values():
            field.help_text = ""


class CreateForm(SecretForm):
    """A new credential."""

    id = forms.CharField(
        label="Credentials id",
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
        max_length=255,
        validators=Credential._meta.get_field("id").validators,
        help_text=Credential._meta.get_field("id").help_text,
    )
    connector_type = forms.ChoiceField(
        widget=UnfoldAdminSelectWidget(), choices=lambda: [(kind, kind) for kind in services.enabled_connectors()]
    )
    is_stored = forms.BooleanField(
        label="Already in the secret store",
        widget=UnfoldBooleanSwitchWidget(),
        required=False,
        help_text="Make only the reference to the secret of this id; leave the fields above empty.",
    )
    for_everyone = forms.BooleanField(
        label="For everyone",
        widget=UnfoldBooleanSwitchWidget(),
        required=False,
        initial=lambda: settings.TUNDRA.API_AUTH == "none",
        help_text="Whoever may call the API may use it; otherwise only you, and whom you share it with afterwards.",
    )
    field_order = ("id", "connector_type", *SECRET_FIELDS, "is_stored", "for_everyone")

    def clean(self) -> dict[str, Any]:
        """Fields or the switch, not both."""
        cleaned = super().clean() or {}
        if cleaned.get("is_stored") and any(cleaned.get(name) for name in SECRET_FIELDS):
            self.add_error("is_stored", "Leave the fields of the secret empty, or switch this off.")
        return cleaned
