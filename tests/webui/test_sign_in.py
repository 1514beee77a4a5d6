"""Signing in: who guesses passwords is locked out for a while, told so, and leaves no password behind."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from tests.webui.test_groups import signed_in
from tests.webui.test_stream_admin import text
from webui.watchlist.groups import ADMIN

ROOT = Path(__file__).resolve().parents[2]
RIGHT, WRONG = "correct horse battery", "hunter2-canary"


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_superuser("ann", password=RIGHT)


def sign_in(password: str, name: str = "ann", address: str = "192.0.2.1", **headers: str) -> Any:
    fields = {"username": name, "password": password, "next": "/admin/"}
    return Client(REMOTE_ADDR=address, headers=headers).post("/admin/login/", fields)


def fail(times: int, **more: str) -> Any:
    return [sign_in(WRONG, **more) for _ in range(times)][-1]


def test_the_right_password_lets_in_and_a_wrong_one_does_not(ann: User) -> None:
    assert sign_in(RIGHT)["Location"] == "/admin/"
    assert "Please enter the correct username and password" in text(sign_in(WRONG))


def test_after_five_failures_the_right_password_is_no_use_and_the_page_says_why(ann: User) -> None:
    assert fail(4).status_code == 200
    answer = fail(1)
    assert answer.status_code == 429
    page = text(answer)
    assert "After 5 failed sign-ins this user is locked out at this address" in page
    assert "a quarter of an hour at the latest" in page
    assert timedelta(minutes=15) == settings.AXES_COOLOFF_TIME
    assert sign_in(RIGHT).status_code == 429


def test_others_and_other_addresses_are_not_locked_out(ann: User) -> None:
    User.objects.create_superuser("bob", password=RIGHT)
    fail(5)
    assert sign_in(RIGHT, name="bob").status_code == 302
    assert sign_in(RIGHT, address="192.0.2.2").status_code == 302
    assert sign_in(RIGHT).status_code == 429


def test_a_forwarding_header_makes_no_other_address(ann: User) -> None:
    fail(5)
    assert sign_in(RIGHT, **{"X-Forwarded-For": "192.0.2.9"}).status_code == 429


def test_after_a_while_the_user_is_let_in_again_even_if_somebody_kept_trying(ann: User) -> None:
    fail(8)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert sign_in(RIGHT).status_code == 302


def test_a_success_begins_the_count_anew(ann: User) -> None:
    for _ in range(3):
        fail(4)
        assert sign_in(RIGHT).status_code == 302


def test_an_admin_lets_somebody_in_sooner(ann: User) -> None:
    fail(5)
    admin = signed_in(ADMIN)
    attempt = AccessAttempt.objects.get()
    assert "ann" in text(admin.get("/admin/axes/accessattempt/"))
    assert WRONG not in admin.get(f"/admin/axes/accessattempt/{attempt.pk}/change/").content.decode()
    admin.post(f"/admin/axes/accessattempt/{attempt.pk}/delete/", {"post": "yes"})
    assert sign_in(RIGHT).status_code == 302


def test_no_password_is_kept_or_logged(ann: User, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        fail(6)
        sign_in(RIGHT, address="192.0.2.2")
    kept = str(list(AccessAttempt.objects.values()))
    for secret in (WRONG, RIGHT):
        assert secret not in caplog.text
        assert secret not in kept


FAILING = """
import os, sys
import django
from django.conf import settings
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
django.setup()
from django.test import Client
for _ in range(4):
    fields = {"username": "ann", "password": "wrong"}
    Client(REMOTE_ADDR="192.0.2.1", headers={"Host": "localhost"}).post("/admin/login/", fields)
print(Client(REMOTE_ADDR="192.0.2.1", headers={"Host": "localhost"}).post("/admin/login/", fields).status_code)
"""


def test_two_web_processes_count_together_in_one_sqlite_file(tmp_path: Path) -> None:
    environment = os.environ | {"TICKERLINE_DATA": str(tmp_path), "TICKERLINE_SECRET_KEY": "for this test"}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True, timeout=100)
    both = [
        subprocess.Popen([sys.executable, "-c", FAILING], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        said = [process.communicate(timeout=100)[0].strip() for process in both]
    finally:
        for process in both:
            process.kill()
    assert [process.returncode for process in both] == [0, 0]
    assert said == ["429", "429"], "each made five; together the limit was passed long before"
