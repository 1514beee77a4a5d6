"""DATABASE_URL as Django's DATABASES entry."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pipeline.domain.errors import SettingsError

RULE = "DATABASE_URL: expected sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME"


def database_from_url(url: str) -> dict[str, Any]:
    """The entry for `url`. Raises SettingsError, which never repeats the URL: it may hold a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SettingsError(RULE) from None
    name = unquote(parts.path[1:])
    if not name:
        raise SettingsError(RULE)
    if parts.scheme == "sqlite" and not parts.netloc:
        return sqlite(Path(name))
    if parts.scheme in ("postgres", "postgresql"):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(port or ""),
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {"connect_timeout": 5, **dict(parse_qsl(parts.query))},
        }
    raise SettingsError(RULE)


def sqlite(path: Path) -> dict[str, Any]:
    """The web processes and beat share the file: readers don't wait for a writer (WAL), a writer waits up to 20 s."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
