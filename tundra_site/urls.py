"""Every path of the portal."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from tundra_site import health

urlpatterns = [
    path("", health.root, name="root"),
    path("health", health.health, name="health"),
    path("health/deep", health.health_deep, name="health-deep"),
    path("info", health.info, name="info"),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("", include("conversions.api.urls")),
    path("", include("connectors.api.urls")),
    path("admin/", admin.site.urls),
]
handler400 = "conversions.api.errors.bad_request"
handler404 = "conversions.api.errors.not_found"
handler500 = "conversions.api.errors.server_error"
