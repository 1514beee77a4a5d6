"""The dashboard's page as it is served: its views, and that all it names is there. What it does is told in tests/browser."""

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import Settings

import webui.dashboard

STATIC = Path(webui.dashboard.__file__).parent / "static" / "dashboard"
VIEWS = ("/dashboard/", "/symbols/AAPL", "/way", "/activity", "/alerts", "/desk", "/kiosk")
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", VIEWS)
def test_every_view_is_a_page_of_its_own_whose_files_are_there(path: str, client: Client) -> None:
    page = client.get(path).content.decode()
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(files) > 3
    assert [file for file in files if client.get(file).status_code != 200] == []


def test_the_script_knows_every_path_that_the_server_does() -> None:
    router = (STATIC / "router.js").read_text()
    for path in (path for path in VIEWS if path != "/kiosk"):
        patterns = re.findall(r"\[/(.+)/, \"\w+\"\]", router)
        assert any(re.search(pattern.replace("\\/", "/"), path) for pattern in patterns), path


def test_every_module_and_view_that_is_imported_is_there() -> None:
    scripts = [path for path in STATIC.rglob("*.js") if "vendor" not in path.parts]
    for script in scripts:
        for name in re.findall(r'(?:from|import\() ?"(\.[^"]+)"', script.read_text()):
            assert (script.parent / name).resolve().is_file(), f"{script.name}: {name}"
    views = re.findall(r'\[/.+/, "(\w+)"\]', (STATIC / "router.js").read_text())
    assert [view for view in views if not (STATIC / "views" / f"{view}.js").is_file()] == []


def test_the_page_says_what_its_reader_may(client: Client, settings: Settings) -> None:
    settings.OPEN_FETCH = False
    assert 'data-name="" data-staff="no" data-may-direct="no" data-may-fetch="no"' in _body(client)
    settings.OPEN_FETCH = True
    assert 'data-may-direct="no" data-may-fetch="yes"' in _body(client)
    settings.OPEN_FETCH = False
    user = User.objects.create_user("operator", password="x", is_staff=True)
    client.force_login(user)
    assert 'data-name="operator" data-staff="yes" data-may-direct="no" data-may-fetch="no"' in _body(client)
    assert 'data-may-back-fill="no"' in _body(client)
    user.user_permissions.add(*Permission.objects.filter(codename__in=["direct_stream", "fetch_now", "back_fill"]))
    assert 'data-may-direct="yes" data-may-fetch="yes"' in _body(client)
    assert 'data-may-back-fill="yes"' in _body(client)
    user.is_staff = False
    user.save()
    assert 'data-name="" data-staff="no"' in _body(client)


def test_the_page_is_only_read(client: Client) -> None:
    assert client.post("/way").status_code == 405


def _body(client: Client) -> str:
    return re.sub(r"\s+", " ", client.get("/dashboard/").content.decode())
