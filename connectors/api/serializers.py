"""Credentials as callers see them: what they are called, never what is in them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from connectors.models import Credential


class CredentialSerializer(serializers.ModelSerializer[Credential]):
    """A reference that requests may name."""

    credentials_id = serializers.CharField(source="id")
    last_test_outcome = serializers.CharField(allow_blank=True, help_text="`ok`, an error's code, or empty: never.")
    last_use_outcome = serializers.CharField(allow_blank=True, help_text="`ok`, an error's code, or empty: never.")

    class Meta:
        """No host, no account, no password: those are in the secret store."""

        model = Credential
        fields = (
            "credentials_id",
            "connector_type",
            "created_at",
            "rotated_at",
            "last_tested_at",
            "last_test_outcome",
            "last_used_at",
            "last_use_outcome",
        )
        read_only_fields = fields


@extend_schema_serializer(many=False)  # one object, though the action is called list
class CredentialListSerializer(serializers.Serializer[Any]):
    """The answer of ``GET /credentials``."""

    credentials = CredentialSerializer(many=True)
    count = serializers.IntegerField()
