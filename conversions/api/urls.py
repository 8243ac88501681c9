"""Paths of the conversion API: exact, no prefix, no trailing slash."""

from django.urls import path

from conversions.api import browsing_views, database_views, output_views, upload_views, views, webhook_views

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
    path(
        "preview/database",
        browsing_views.DatabasePreviewViewSet.as_view({"post": "create"}),
        name="preview-database",
    ),
    path(
        "credentials/<str:credentials_id>/tables",
        browsing_views.TableViewSet.as_view({"get": "list"}),
        name="table-list",
    ),
    path(
        "credentials/<str:credentials_id>/tables/<str:table_name>",
        browsing_views.TableViewSet.as_view({"get": "retrieve"}),
        name="table-detail",
    ),
    path("connectors", database_views.ConnectorViewSet.as_view({"get": "retrieve"}), name="connectors"),
    path("infer/schema", views.SchemaInferenceViewSet.as_view({"post": "create"}), name="infer-schema"),
    path("jobs", views.JobViewSet.as_view({"get": "list"}), name="job-list"),
    path("jobs/<uuid:pk>", views.JobViewSet.as_view({"get": "retrieve"}), name="job-detail"),
    path("jobs/<uuid:pk>/rejects", views.JobViewSet.as_view({"get": "rejects"}), name="job-rejects"),
    path("jobs/<uuid:pk>/output", output_views.OutputViewSet.as_view({"get": "retrieve"}), name="job-output"),
    path("jobs/<uuid:pk>/output/link", output_views.OutputViewSet.as_view({"post": "link"}), name="job-output-link"),
    path("outputs/<str:token>", output_views.LinkedOutputViewSet.as_view({"get": "retrieve"}), name="linked-output"),
    path("uploads", upload_views.UploadViewSet.as_view({"post": "create"}), name="upload-list"),
    path(
        "uploads/<uuid:pk>",
        upload_views.UploadViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="upload-detail",
    ),
    path("jobs/<uuid:pk>/events", views.JobViewSet.as_view({"get": "events"}), name="job-events"),
    path("jobs/<uuid:pk>/webhooks", webhook_views.DeliveryViewSet.as_view({"get": "list"}), name="job-webhooks"),
    path(
        "jobs/<uuid:pk>/webhooks/<uuid:delivery_id>/redeliver",
        webhook_views.DeliveryViewSet.as_view({"post": "redeliver"}),
        name="job-webhook-redeliver",
    ),
    path("webhooks/secret", webhook_views.WebhookSecretViewSet.as_view({"get": "retrieve"}), name="webhook-secret"),
    path(
        "webhooks/secret/rotate",
        webhook_views.WebhookSecretViewSet.as_view({"post": "rotate"}),
        name="webhook-secret-rotate",
    ),
    path("jobs/<uuid:pk>/cancel", views.JobViewSet.as_view({"post": "cancel"}), name="job-cancel"),
    path("jobs/<uuid:pk>/retry", views.JobViewSet.as_view({"post": "retry"}), name="job-retry"),
]
