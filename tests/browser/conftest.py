"""The whole system, and a real browser in front of it. The console of each test's page has to stay clean."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, StorageState

from tests.browser.complaints import Complaints
from tests.support.chromium import MISSING, chromium, chromium_path, opened
from tests.support.system import System
from tests.support.web import Web, served_web

STAFF, PASSWORD = "operator", "correct-horse-battery"
_FIRST_USER = {
    "DJANGO_SUPERUSER_USERNAME": STAFF,
    "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    "DJANGO_SUPERUSER_EMAIL": "operator@example.org",
}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium_path()
    if path is None and os.environ.get("CI") in ("1", "true"):
        pytest.fail(MISSING, pytrace=False)
    if path is None:
        pytest.skip(MISSING)
    with chromium(path) as running:
        yield running


@pytest.fixture(scope="session")
def system(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One running system for all tests; it is not started for want of a browser."""
    running = System(tmp_path_factory.mktemp("system"), _FIRST_USER)
    try:
        running.up()
        made = running.manage("createsuperuser", "--noinput")
        assert made.returncode == 0, made.stderr
        yield running
    finally:
        running.down()


@pytest.fixture(scope="session")
def dashboard(system: System) -> str:
    return system.url("dashboard")


@pytest.fixture
def page(browser: Browser, dashboard: str) -> Iterator[Page]:
    with opened(browser, dashboard) as page:
        complaints = Complaints(page)
        yield page
        assert complaints.found == []


@pytest.fixture
def troubled_page(browser: Browser, dashboard: str) -> Iterator[Page]:
    """Its console may complain: something is taken away from it."""
    with opened(browser, dashboard) as page:
        yield page


@pytest.fixture(scope="session")
def signed_in(browser: Browser, dashboard: str) -> StorageState:
    """What a browser keeps of who has signed in: `opened(…, storage_state=signed_in)`."""
    with opened(browser, dashboard) as page:
        page.goto("/admin/login/?next=/desk")
        page.get_by_label("Username").fill(STAFF)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("Password").press("Enter")
        page.wait_for_url("**/desk")
        return page.context.storage_state()


@pytest.fixture
def staff_page(browser: Browser, dashboard: str, signed_in: StorageState) -> Iterator[Page]:
    with opened(browser, dashboard, storage_state=signed_in) as page:
        complaints = Complaints(page)
        yield page
        assert complaints.found == []


@pytest.fixture
def troubled_staff_page(browser: Browser, dashboard: str, signed_in: StorageState) -> Iterator[Page]:
    """A refusal of the API is told on the console by the browser itself."""
    with opened(browser, dashboard, storage_state=signed_in) as page:
        yield page


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The page's server without workers: it shows what a test puts on the live channel."""
    with served_web(tmp_path_factory.mktemp("web"), "dashboard") as served:
        yield served
