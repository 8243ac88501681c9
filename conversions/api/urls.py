"""Paths of the conversion API: exact, no prefix, no trailing slash."""

from django.urls import path

from conversions.api import database_views, views

urlpatterns = [
    path("convert/file", views.FileConversionViewSet.as_view({"post": "create"}), name="convert-file"),
    path(
        "convert/database",
        database_views.DatabaseConversionViewSet.as_view({"post": "create"}),
        name="convert-database",
    ),
    path(
        "test/database-connection",
        database_views.ConnectionTestViewSet.as_view({"post": "create"}),
        name="test-connection",
    ),
    path("connectors", database_views.ConnectorViewSet.as_view({"get": "retrieve"}), name="connectors"),
    path("infer/schema", views.SchemaInferenceViewSet.as_view({"post": "create"}), name="infer-schema"),
    path("jobs", views.JobViewSet.as_view({"get": "list"}), name="job-list"),
    path("jobs/<uuid:pk>", views.JobViewSet.as_view({"get": "retrieve"}), name="job-detail"),
    path("jobs/<uuid:pk>/rejects", views.JobViewSet.as_view({"get": "rejects"}), name="job-rejects"),
    path("jobs/<uuid:pk>/cancel", views.JobViewSet.as_view({"post": "cancel"}), name="job-cancel"),
    path("jobs/<uuid:pk>/retry", views.JobViewSet.as_view({"post": "retry"}), name="job-retry"),
]
