"""Django's settings. What a user may set is read by name from pipeline/settings; each setting is described there."""

import secrets
from datetime import timedelta

from pipeline.domain.rates import rate_from_text
from pipeline.settings import data_dir, read_values
from webui.database import database_from_url, sqlite
from webui.logs import logging_configuration
from webui.production import allowed_hosts, behind_tls, check_production

_values = read_values()
check_production(_values)

# What this process is
FACE = _values.choice("TICKERLINE_FACE", "api", ("api", "dashboard"))
OPEN_FETCH = _values.flag("TICKERLINE_OPEN_FETCH")
OPEN_LIVE = _values.flag("TICKERLINE_OPEN_LIVE")
API_TOKEN = _values.text("TICKERLINE_API_TOKEN")  # empty: nobody has it
READ_RATE = rate_from_text("TICKERLINE_READ_RATE", _values.text("TICKERLINE_READ_RATE", "50/200"))
WRITE_RATE = rate_from_text("TICKERLINE_WRITE_RATE", _values.text("TICKERLINE_WRITE_RATE", "5/20"))
API_PORT = _values.number("TICKERLINE_API_PORT", 8000, 1, 65535)
DASHBOARD_PORT = _values.number("TICKERLINE_DASHBOARD_PORT", 3000, 1, 65535)
FLOWER_PORT = _values.number("TICKERLINE_FLOWER_PORT", 5555, 1, 65535)
LIVE_CLIENTS = _values.number("TICKERLINE_LIVE_CLIENTS", 1000, 1, 100_000)
LIVE_CLIENTS_PER_ADDRESS = _values.number("TICKERLINE_LIVE_CLIENTS_PER_ADDRESS", 100, 1, 100_000)

# Serving needs a key that all web processes share (webui/asgi.py refuses to start without); commands and tests don't.
_secret_key = _values.text("TICKERLINE_SECRET_KEY")
SECRET_KEY_GIVEN = bool(_secret_key)
SECRET_KEY = _secret_key or secrets.token_urlsafe(50)
DEBUG = _values.flag("TICKERLINE_DEBUG")
ALLOWED_HOSTS = allowed_hosts(_values)

INSTALLED_APPS = [
    "unfold",  # before django.contrib.admin, whose templates it replaces
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",  # locks out who guesses passwords
    "channels",
    "ninja",  # serves the API's documentation from its own static files
    "django_celery_beat",
    "webui.api",
    "webui.dashboard",
    "webui.watchlist",
    "webui.console",
]
MIDDLEWARE = [
    "webui.middleware.RequestCounter",
    "django.middleware.security.SecurityMiddleware",
    "webui.middleware.Policies",
    "webui.api.conditional.PublicGZip",
    "webui.api.problems.ProblemMiddleware",  # around everything that can refuse a request
    "webui.api.conditional.Conditional",
    "webui.middleware.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "webui.api.rates.RateLimits",
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
ROOT_URLCONF = "webui.urls"
ASGI_APPLICATION = "webui.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
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

_database_url = _values.text("DATABASE_URL")
DATABASES = {"default": database_from_url(_database_url) if _database_url else sqlite(data_dir() / "django.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# Sign-in: after some failures a user is locked out at that address for a while; the database counts, for all web processes.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # both at once: nobody locks others out by their names
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # who keeps trying is let in as soon as who waits
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "watchlist/locked_out.html"
AXES_ENABLE_ADMIN = False  # its pages have no theme; webui/watchlist/people.py has ours
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_IPWARE_META_PRECEDENCE_ORDER = ("REMOTE_ADDR",)  # a header is anybody's claim

# The packages' own static files are served where they lie: nobody has to run collectstatic.
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_MAX_AGE = 0  # kept, and asked about each time: after an upgrade no page runs on half of the old modules

LANGUAGE_CODE = "en-us"
USE_TZ = True
TIME_ZONE = "UTC"

# A proxy ends TLS, and says by its header that it did; it must not let a client's own header of that name through.
TLS = behind_tls(_values)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TLS else None
SECURE_SSL_REDIRECT = TLS
SECURE_REDIRECT_EXEMPT = [r"^health(/|$)", r"^metrics$"]  # asked by this machine's own probes
SECURE_HSTS_SECONDS = 31_536_000 if TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = TLS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = TLS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = (
    "Lax"  # Django's own: a link from elsewhere may open a page, not change anything
)
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True

SESSION_COOKIE_NAME = "tickerline_session"  # cookies ignore ports: other programs on this host must not share ours
CSRF_COOKIE_NAME = "tickerline_csrf"
X_FRAME_OPTIONS = "DENY"

CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
DJANGO_CELERY_BEAT_TZ_AWARE = True

UNFOLD = {
    "SITE_TITLE": "Tickerline",
    "SITE_HEADER": "Tickerline",
    "SITE_URL": "/dashboard/",
    "SITE_SYMBOL": "show_chart",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": f"{STATIC_URL}dashboard/icon.svg"}],
    "THEME": "dark",
    "DASHBOARD_CALLBACK": "webui.watchlist.overview.overview",
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": "webui.watchlist.sidebar.navigation",
    },
}

LOGGING = logging_configuration(_values)
