"""Paths about credentials: exact, no trailing slash."""

from django.urls import path

from connectors.api.views import CredentialViewSet

urlpatterns = [path("credentials", CredentialViewSet.as_view({"get": "list"}), name="credential-list")]
