"""Every path of the portal."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from tundra_site import health
from tundra_site.metrics import MetricsView

urlpatterns = [
    path("", health.RootView.as_view(), name="root"),
    path("health", health.HealthView.as_view(), name="health"),
    path("health/deep", health.DeepHealthView.as_view(), name="health-deep"),
    path("info", health.InfoView.as_view(), name="info"),
    path("metrics", MetricsView.as_view(), name="metrics"),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("", include("conversions.api.urls")),
    path("", include("connectors.api.urls")),
    path("admin/", admin.site.urls),
]
handler400 = "conversions.api.errors.bad_request"
handler404 = "conversions.api.errors.not_found"
handler500 = "conversions.api.errors.server_error"
