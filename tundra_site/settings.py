"""Django settings: the environment (``environment.py``) wired into Django, its apps and the queue."""

from __future__ import annotations

import math
from typing import Any

import dj_database_url
from corsheaders.defaults import default_headers
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.templatetags.static import static

from conversions import logs
from tundra_site import environment as e
from tundra_site import storage
from tundra_site.navigation import sidebar

e.check()
VERSION = "3.0.0"
BASE_DIR = e.BASE_DIR
SECRET_KEY = e.secret_key()
SECRET_KEY_FALLBACKS = e.SECRET_KEY_FALLBACKS
DEBUG = False
ALLOWED_HOSTS = e.ALLOWED_HOSTS
DATA_DIR = e.DATA_DIR
TEMP_DIR = DATA_DIR / "tmp"
TEMP_DIR.mkdir(parents=True, exist_ok=True)

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_q",
    "connectors",
    "conversions",
    "tundra_site",
]
MIDDLEWARE = [
    "tundra_site.middleware.RequestIdMiddleware",
    "tundra_site.middleware.ProbeMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "tundra_site.middleware.BrowserPolicyMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tundra_site.middleware.ActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "tundra_site.urls"
WSGI_APPLICATION = "tundra_site.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# SQLite: WAL and immediate transactions took lock errors between web and workers from 29 to 0.
_SQLITE: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": DATA_DIR / "db.sqlite3",
    "CONN_MAX_AGE": None,
    "OPTIONS": {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8000;",
    },
}


def _portal_database() -> dict[str, Any]:
    if not e.DATABASE_URL:
        return _SQLITE
    database: dict[str, Any] = dict(dj_database_url.parse(e.DATABASE_URL))
    if database["ENGINE"] == "django.db.backends.postgresql":
        database.setdefault("OPTIONS", {})["pool"] = {
            "min_size": 1,
            "max_size": e.DB_POOL_SIZE + e.DB_MAX_OVERFLOW,
            "max_lifetime": e.DB_POOL_RECYCLE_SECONDS,
            "timeout": 5,
            "reconnect_timeout": 5,  # else its pauses grow with the outage, and go on after it
        }
        # A network that drops everything must not be waited for by the quarter of an hour.
        silence = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
        database["OPTIONS"] = {**silence, "tcp_user_timeout": 30_000, **database["OPTIONS"]}
        database["CONN_HEALTH_CHECKS"] = True  # after a restart of the server the pool holds dead connections
    return database


DATABASES = {"default": _portal_database()}
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "kept": storage.backend(e.STORAGE_URL, DATA_DIR),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The embedded portal has one web process, so its own memory counts requests exactly; the cluster's state is read
# by the web process, so it is in files. With Redis both are shared by any number of machines.
# Redis that is there and does not answer is as good as away.
_REDIS_URL = e.REDIS_URL and f"{e.REDIS_URL}{'&' if '?' in e.REDIS_URL else '?'}socket_timeout=5"
if _REDIS_URL:
    _REDIS = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": _REDIS_URL,
        "OPTIONS": {"serializer": "tundra_site.cache.JsonSerializer"},
    }
    CACHES: dict[str, dict[str, Any]] = {"default": _REDIS, "cluster": {**_REDIS, "KEY_PREFIX": "cluster"}}
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "OPTIONS": {"MAX_ENTRIES": 100_000},
        },
        "cluster": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": DATA_DIR / "cluster",
        },
    }
    # django-ratelimit refuses LocMem because it is not shared; here tundra_site.checks refuses several web processes.
    SILENCED_SYSTEM_CHECKS = ["django_ratelimit.E003", "django_ratelimit.W001"]

_WORKERS = e.MAX_CONCURRENT_CONVERSIONS
_PROCESSING_SECONDS = math.ceil(e.MAX_PROCESSING_TIME_MINUTES * 60)
# The supervisor ends an attempt before the queue's own timeout, the last resort: engines may be slow to start.
_QUEUE_TIMEOUT = _PROCESSING_SECONDS + 300
Q_CLUSTER: dict[str, Any] = {
    "name": "tundra",
    "label": "Queue",
    "workers": _WORKERS,
    "queue_limit": _WORKERS,
    "bulk": 1,
    "timeout": _QUEUE_TIMEOUT,
    # The broker hides a prefetched task this long: it must outlast the whole queue in front of it.
    "retry": math.ceil(_QUEUE_TIMEOUT * (2 + (_WORKERS + 1) / _WORKERS)) + 60,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "guard_cycle": 1,
    "poll": 0.02,
    "recycle": 10_000,
    "save_limit": -1,
    "scheduler": False,
    "cache": "cluster",
    "log_level": "WARNING",
    **(
        {"broker_class": "conversions.broker.RedisBroker", "redis": _REDIS_URL}
        if _REDIS_URL
        else {"broker_class": "conversions.broker.DatabaseBroker", "orm": "default"}
    ),
}

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["conversions.api.parsers.StorableJSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "conversions.api.authentication.BearerToken",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["conversions.api.permissions.MayUseApi"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "conversions.api.negotiation.OneFormNegotiation",
    "DEFAULT_METADATA_CLASS": "conversions.api.negotiation.EndpointMetadata",
    "DEFAULT_SCHEMA_CLASS": "conversions.api.openapi.Schema",
    "EXCEPTION_HANDLER": "conversions.api.errors.answer_error",
    "NON_FIELD_ERRORS_KEY": "request",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Halatio Tundra",
    "DESCRIPTION": "Any file or database table in, verified Parquet out.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "ENUM_NAME_OVERRIDES": {
        "JobStatusEnum": "conversions.models.JobStatus.choices",
        "ValuePolicyEnum": ["text", "null", "fail"],
    },
}
UNFOLD = {
    "SITE_TITLE": "Halatio Tundra",
    "SITE_HEADER": "Halatio Tundra",
    "SITE_SUBHEADER": "Any file or table in, verified Parquet out",
    "SITE_SYMBOL": "deployed_code",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("tundra/icon.svg")}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [lambda _request: static("tundra/console.css")],
    "SCRIPTS": [lambda _request: static("tundra/console.js")],
    "DASHBOARD_CALLBACK": "conversions.admin.dashboard.fill",
    "SIDEBAR": {"navigation": sidebar},
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
FORMAT_MODULE_PATH = ["tundra_site.formats"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 2**20
CORS_ALLOWED_ORIGINS = e.ALLOWED_ORIGINS
CORS_EXPOSE_HEADERS = [
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    "Location",
    "Preference-Applied",
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-ID",
]
CORS_ALLOW_HEADERS = [
    *default_headers,
    "idempotency-key",
    "if-none-match",
    "if-range",
    "prefer",
    "range",
    "x-request-id",
]
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # served straight from the packages: nothing to collect before the first start
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
# Nothing offsite, no inline script. The console's Alpine evaluates the expressions of its attributes, and sets styles.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, UNSAFE_EVAL],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
if not e.IS_DEV:
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^$", r"^health(/deep)?$"]  # probes come in plain HTTP from inside
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_NAME = "__Host-session"  # a browser takes it from this host over HTTPS only
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    if e.TRUSTED_PROXIES:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

logs.configure_structlog()
LOGGING = logs.configuration(e.LOG_LEVEL)

# What the portal itself reads, beside the standard names above.
TUNDRA: Any = e
