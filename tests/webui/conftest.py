import pytest
from django.test import Client
from pytest_django import Settings

from tests.webui.fakes import FakePipeline
from webui.api import backend


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> FakePipeline:
    """The web's pipeline for this test, in memory."""
    fake = FakePipeline()
    monkeypatch.setattr(backend, "current", fake.backend)
    return fake


@pytest.fixture
def open_fetch(settings: Settings) -> None:
    settings.OPEN_FETCH = True


@pytest.fixture
def api() -> Client:
    """A client as curl is one: no Origin, no cookies; Django's CSRF checks are on."""
    return Client(enforce_csrf_checks=True, headers={"Host": "localhost:8000"})


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """Signing in is not what these tests are about; the real hasher takes half a second each time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
