"""What production refuses, what it sets, and that Django's own check of it has nothing to say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.domain.errors import SettingsError
from pipeline.settings import Values
from webui.production import allowed_hosts, behind_tls, check_production

ROOT = Path(__file__).resolve().parents[2]
KEY = "0123456789" * 5
FIT = {"TICKERLINE_PRODUCTION": "1", "TICKERLINE_ALLOWED_HOSTS": "ticker.example", "TICKERLINE_SECRET_KEY": KEY}


def values(**environment: str) -> Values:
    return Values(FIT | environment, {})


def test_what_is_fit_is_let_through() -> None:
    check_production(values())
    check_production(values(TICKERLINE_SECRET_KEY=""))  # a command's; serving without is refused elsewhere


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"TICKERLINE_OPEN_FETCH": "1"}, "TICKERLINE_OPEN_FETCH: expected 0"),
        ({"TICKERLINE_DEBUG": "1"}, "TICKERLINE_DEBUG: expected 0"),
        ({"TICKERLINE_SECRET_KEY": "canary" * 8}, "TICKERLINE_SECRET_KEY: expected at least 50 characters"),
        ({"TICKERLINE_SECRET_KEY": "abcd" * 20}, "5 different ones"),
        ({"TICKERLINE_API_TOKEN": "canary" * 5}, "TICKERLINE_API_TOKEN: expected at least 32 characters, or none"),
        ({"TICKERLINE_ALLOWED_HOSTS": ""}, "TICKERLINE_ALLOWED_HOSTS: expected the name"),
        ({"TICKERLINE_ALLOWED_HOSTS": "localhost, 127.0.0.1,127.0.0.2,[::1]"}, "not loopback alone"),
        ({"TICKERLINE_ALLOWED_HOSTS": "ticker.example,*"}, "TICKERLINE_ALLOWED_HOSTS: expected names, not \\*"),
    ],
)
def test_what_is_unfit_is_refused_by_name_and_without_secrets(environment: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as refusal:
        check_production(values(**environment))
    assert "canary" not in str(refusal.value)
    check_production(values(**environment, TICKERLINE_PRODUCTION="0"))


def test_everything_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(SettingsError, match=r"OPEN_FETCH.*DEBUG.*ALLOWED_HOSTS"):
        check_production(values(TICKERLINE_OPEN_FETCH="1", TICKERLINE_DEBUG="1", TICKERLINE_ALLOWED_HOSTS="*"))


def test_loopback_is_answered_whatever_is_allowed() -> None:
    """By it the supervisor and the health checks ask."""
    assert allowed_hosts(values()) == ["ticker.example", "localhost", "127.0.0.1", "[::1]"]
    assert allowed_hosts(Values({}, {})) == ["localhost", "127.0.0.1", "[::1]"]


def test_production_means_tls() -> None:
    assert behind_tls(values())
    assert behind_tls(Values({"TICKERLINE_TLS": "1"}, {}))
    assert not behind_tls(Values({}, {}))


def python(tmp_path: Path, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TICKERLINE")}
    environment |= FIT | {"TICKERLINE_DATA": str(tmp_path)} | more
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100)


def test_djangos_check_of_a_deployment_finds_nothing(tmp_path: Path) -> None:
    checked = python(tmp_path, "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr
    assert "no issues" in checked.stdout
    assert "(0 silenced)" in checked.stdout


SHOWN = """
import json
from django.conf import settings
names = ("SESSION_COOKIE_SECURE SESSION_COOKIE_HTTPONLY SESSION_COOKIE_SAMESITE CSRF_COOKIE_SECURE CSRF_COOKIE_SAMESITE "
    "SECURE_SSL_REDIRECT SECURE_HSTS_SECONDS SECURE_PROXY_SSL_HEADER")
print(json.dumps({name: getattr(settings, name) for name in names.split()}))
"""


def test_cookies_are_of_https_and_http_is_redirected(tmp_path: Path) -> None:
    found = python(tmp_path, "-c", SHOWN, DJANGO_SETTINGS_MODULE="webui.settings")
    assert json.loads(found.stdout) == {
        "SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_HTTPONLY": True, "SESSION_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_SECURE": True, "CSRF_COOKIE_SAMESITE": "Lax", "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 31_536_000, "SECURE_PROXY_SSL_HEADER": ["HTTP_X_FORWARDED_PROTO", "https"],
    }, found.stderr  # fmt: skip


@pytest.mark.parametrize("arguments", [("-c", "import webui.asgi"), ("manage.py", "up")])
def test_nothing_starts_that_is_not_fit(arguments: tuple[str, ...], tmp_path: Path) -> None:
    started = python(tmp_path / "data", *arguments, TICKERLINE_OPEN_FETCH="1", TICKERLINE_DEBUG="1")
    assert started.returncode != 0
    assert "TICKERLINE_OPEN_FETCH: expected 0" in started.stderr
    assert "TICKERLINE_DEBUG: expected 0" in started.stderr
