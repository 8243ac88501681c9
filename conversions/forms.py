"""The console's forms for keys and schedules."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.models import User
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from connectors.errors import ConversionError
from conversions.models import ConversionJob, JobKind, Scope
from conversions.models.schedule import check_cron

_JOBS_OFFERED = 100


class ServiceForm(forms.Form):
    """A form whose service may refuse."""

    def blame(self, error: ConversionError) -> None:
        """Say why at the field it is about, else above all."""
        name, _, rest = error.message.partition(": ")
        self.add_error(*((name, rest) if name in self.fields else (None, error.message)))


class ApiKeyForm(ServiceForm):
    """What a new key is for. Only superusers make keys for others."""

    name = forms.CharField(
        max_length=100, widget=UnfoldAdminTextInputWidget(), help_text="What it is for, e.g. nightly-export."
    )
    user = forms.ModelChoiceField(
        User.objects.filter(is_active=True),
        widget=UnfoldAdminSelectWidget(),
        help_text="Whom the key works for: it sees this user's jobs and credentials.",
    )
    expires_at = forms.SplitDateTimeField(
        label="Expires", required=False, widget=UnfoldAdminSplitDateTimeWidget(), help_text="In UTC. Empty: never."
    )

    def __init__(self, data: Any, user: User) -> None:
        super().__init__(data, initial={"user": user})
        if not user.is_superuser:
            chosen = self.fields["user"]
            assert isinstance(chosen, forms.ModelChoiceField)  # noqa: S101 - declared above
            chosen.queryset = User.objects.filter(pk=user.pk)
        for scope in Scope:
            self.fields[scope.value] = forms.BooleanField(
                label=f"May: {scope.label}", required=False, initial=True, widget=UnfoldBooleanSwitchWidget()
            )

    @property
    def scopes(self) -> list[str]:
        """What is switched on."""
        return [scope.value for scope in Scope if self.cleaned_data[scope.value]]

    def clean(self) -> dict[str, Any] | None:
        """A key that may do nothing is a mistake."""
        cleaned = super().clean()
        if not any(self.cleaned_data.get(scope.value) for scope in Scope):
            raise forms.ValidationError("Switch on at least one thing that the key may do.")
        return cleaned


class JobChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A job by what it read and when."""

    def label_from_instance(self, obj: ConversionJob) -> str:
        """What people see."""
        return f"{obj.source} ({obj.created_at:%Y-%m-%d %H:%M})"


class ScheduleForm(ServiceForm):
    """A conversion that has run before, and when it runs again."""

    name = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget())
    job = JobChoice(
        ConversionJob.objects.none(),
        widget=UnfoldAdminSelectWidget(),
        help_text="It is repeated as it was, with its output kept in the portal's storage.",
    )
    cron = forms.CharField(
        max_length=100,
        validators=[check_cron],
        widget=UnfoldAdminTextInputWidget(),
        help_text="Minute, hour, day of month, month, day of week, in UTC: '0 6 * * 1-5' is 06:00 on weekdays.",
    )

    def __init__(self, data: Any, job: UUID | None) -> None:
        super().__init__(data, initial={"job": job})
        chosen = self.fields["job"]
        assert isinstance(chosen, JobChoice)  # noqa: S101 - declared above
        recent = ConversionJob.objects.filter(kind=JobKind.DATABASE).values_list("pk", flat=True)[:_JOBS_OFFERED]
        chosen.queryset = ConversionJob.objects.filter(pk__in=[*recent, *([job] if job else [])])
