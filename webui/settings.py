"""Django's settings. What a user may set is read by name from pipeline/settings.py; each setting is described there."""

import secrets

from pipeline.settings import data_dir, read_values
from webui.database import database_from_url, sqlite

_values = read_values()

# What this process is
FACE = _values.choice("TICKERLINE_FACE", "api", ("api", "dashboard"))
OPEN_FETCH = _values.flag("TICKERLINE_OPEN_FETCH")
OPEN_LIVE = _values.flag("TICKERLINE_OPEN_LIVE")
API_TOKEN = _values.text("TICKERLINE_API_TOKEN")  # empty: nobody has it
API_PORT = _values.number("TICKERLINE_API_PORT", 8000, 1, 65535)
DASHBOARD_PORT = _values.number("TICKERLINE_DASHBOARD_PORT", 3000, 1, 65535)
FLOWER_PORT = _values.number("TICKERLINE_FLOWER_PORT", 5555, 1, 65535)

# Serving needs a key that all web processes share (webui/asgi.py refuses to start without); commands and tests don't.
_secret_key = _values.text("TICKERLINE_SECRET_KEY")
SECRET_KEY_GIVEN = bool(_secret_key)
SECRET_KEY = _secret_key or secrets.token_urlsafe(50)
DEBUG = _values.flag("TICKERLINE_DEBUG")
ALLOWED_HOSTS = [
    host.strip()
    for host in _values.text("TICKERLINE_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
    if host.strip()
]

INSTALLED_APPS = [
    "unfold",  # before django.contrib.admin, whose templates it replaces
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
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
    "webui.middleware.ContentSecurityPolicy",
    "webui.api.problems.ProblemMiddleware",  # around everything that can refuse a request
    "webui.middleware.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
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

# The packages' own static files are served where they lie: nobody has to run collectstatic.
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

LANGUAGE_CODE = "en-us"
USE_TZ = True
TIME_ZONE = "UTC"

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
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": "webui.watchlist.sidebar.navigation",
    },
}

_level = _values.choice("TICKERLINE_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": _level},
    # Django's own default would add a console handler of DEBUG and mails to nobody.
    "loggers": {"django": {"handlers": [], "level": _level, "propagate": True}},
}
