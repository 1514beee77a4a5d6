"""Who may what in the admin: the groups viewer, operator and admin, by their pages and what these do."""

import json

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from pytest_django import Settings

from tests.webui.fakes import FakePipeline
from webui.watchlist.groups import ADMIN, GROUPS, OPERATOR, VIEWER
from webui.watchlist.models import WatchedSymbol

pytestmark = pytest.mark.django_db
NOBODY = "nobody"  # staff in no group


def member(group: str, is_staff: bool = True, name: str = "") -> User:
    user = User.objects.create_user(name or group, password="correct horse", is_staff=is_staff)
    if group != NOBODY:
        user.groups.add(Group.objects.get(name=group))
    return user


def signed_in(group: str, is_staff: bool = True) -> Client:
    client = Client()
    client.force_login(member(group, is_staff))
    return client


def codes(group: str) -> set[str]:
    return {f"{p.content_type.app_label}.{p.codename}" for p in Group.objects.get(name=group).permissions.all()}


def test_a_first_migrate_has_made_the_groups_with_what_they_may() -> None:
    viewer, operator, admin = map(codes, GROUPS)
    assert viewer < operator < admin
    assert {code.partition(".")[2].partition("_")[0] for code in viewer} == {"view"}
    assert {"watchlist.view_pipeline", "watchlist.view_watchedsymbol", "auth.view_user"} < viewer
    assert operator - viewer == {
        "watchlist.fetch_now", "watchlist.back_fill", "watchlist.direct_stream",
        "watchlist.add_watchedsymbol", "watchlist.change_watchedsymbol", "watchlist.delete_watchedsymbol",
    }  # fmt: skip
    assert {
        "django_celery_beat.change_periodictask",
        "auth.change_user",
        "axes.delete_accessattempt",
    } < admin - operator


def test_every_model_of_the_watchlist_is_seen_by_viewers_and_left_to_admins() -> None:
    """Models of later migrations too: their permissions come into being after the groups."""
    ours = Permission.objects.filter(content_type__app_label="watchlist")
    everything = {f"watchlist.{p.codename}" for p in ours}
    assert {code for code in everything if ".view_" in code} <= codes(VIEWER)
    assert everything <= codes(ADMIN)


def test_the_next_migrate_gives_the_groups_what_is_theirs_and_leaves_others_alone() -> None:
    Group.objects.get(name=VIEWER).permissions.clear()
    own = Group.objects.create(name="night shift")
    Group.objects.get(name=OPERATOR).permissions.add(Permission.objects.get(codename="delete_user"))
    call_command("migrate", verbosity=0)
    assert "watchlist.view_pipeline" in codes(VIEWER)
    assert "auth.delete_user" not in codes(OPERATOR)
    assert not own.permissions.exists()


@pytest.mark.parametrize("group", [NOBODY, *GROUPS])
def test_without_the_flag_staff_nobody_enters(group: str) -> None:
    answer = signed_in(group, is_staff=False).get("/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/?next=/admin/")


# Page, and who may open it. 302 never counts as opened.
SEEN_BY_ALL = (VIEWER, OPERATOR, ADMIN)
PAGES = {
    "watchlist/watchedsymbol/": SEEN_BY_ALL,
    "watchlist/watchedsymbol/1/change/": SEEN_BY_ALL,
    "watchlist/watchedsymbol/add/": (OPERATOR, ADMIN),
    "watchlist/watchedsymbol/1/delete/": (OPERATOR, ADMIN),
    "": (NOBODY, *SEEN_BY_ALL),
    "stream/": (NOBODY, *SEEN_BY_ALL),
    "stream/sessions/": (NOBODY, *SEEN_BY_ALL),
    "fetches/": SEEN_BY_ALL,
    "events/": SEEN_BY_ALL,
    "backfills/": SEEN_BY_ALL,
    "backfills/start/": (OPERATOR, ADMIN),
    "symbols/add-many/": (OPERATOR, ADMIN),
    "symbols/search/": (OPERATOR, ADMIN),
    "django_celery_beat/periodictask/": SEEN_BY_ALL,
    "django_celery_beat/periodictask/add/": (ADMIN,),
    "django_celery_beat/intervalschedule/": SEEN_BY_ALL,
    "django_celery_beat/crontabschedule/add/": (ADMIN,),
    "auth/user/": SEEN_BY_ALL,
    "auth/user/add/": (ADMIN,),
    "auth/group/": SEEN_BY_ALL,
    "auth/group/add/": (ADMIN,),
    "watchlist/accesstoken/": SEEN_BY_ALL,
    "watchlist/accesstoken/add/": (ADMIN,),
    "axes/accessattempt/": SEEN_BY_ALL,
    "axes/accessattempt/add/": (),
}


@pytest.mark.parametrize("group", [NOBODY, *GROUPS])
def test_each_group_opens_its_pages_and_no_others(group: str, pipeline: FakePipeline) -> None:
    client = signed_in(group)
    first = WatchedSymbol.objects.order_by("pk")[0]
    opened = {}
    for page in PAGES:
        opened[page] = client.get(f"/admin/{page.replace('/1/', f'/{first.pk}/')}").status_code
    assert opened == {page: 200 if group in allowed else 403 for page, allowed in PAGES.items()}


def symbol_changes(client: Client) -> None:
    """Everything that a hand-made request could try with the watchlist."""
    base, first = "/admin/watchlist/watchedsymbol/", WatchedSymbol.objects.get(symbol="IBM")
    client.post(f"{base}add/", {"symbol": "NVDA", "priority": 0, "enabled": "on"})
    client.post(f"{base}{first.pk}/change/", {"symbol": "IBM", "priority": 9, "enabled": "on"})
    rows = {
        "form-TOTAL_FORMS": 1,
        "form-INITIAL_FORMS": 1,
        "form-0-id": first.pk,
        "form-0-priority": 5,
        "_save": "Save",
    }
    client.post(base, rows)
    client.post(base, {"action": "delete_selected", "_selected_action": [first.pk], "post": "yes"})


@pytest.mark.parametrize("group", [NOBODY, VIEWER])
def test_who_only_looks_changes_no_symbol(group: str, pipeline: FakePipeline) -> None:
    before = list(WatchedSymbol.objects.values())
    symbol_changes(signed_in(group))
    assert list(WatchedSymbol.objects.values()) == before


@pytest.mark.parametrize("group", [OPERATOR, ADMIN])
def test_operators_change_symbols(group: str, pipeline: FakePipeline) -> None:
    symbol_changes(signed_in(group))
    left = set(WatchedSymbol.objects.values_list("symbol", flat=True))
    assert "NVDA" in left
    assert "IBM" not in left


@pytest.mark.parametrize(("group", "may"), [(NOBODY, False), (VIEWER, False), (OPERATOR, False), (ADMIN, True)])
def test_admins_alone_change_schedules_users_and_groups(group: str, may: bool) -> None:
    client, interval = signed_in(group), IntervalSchedule.objects.create(every=77, period="seconds")
    other = User.objects.create_user("other")
    inline = {"periodictask_set-TOTAL_FORMS": 0, "periodictask_set-INITIAL_FORMS": 0}
    page = f"/admin/django_celery_beat/intervalschedule/{interval.pk}/change/"
    client.post(page, {"every": 78, "period": "seconds"} | inline)
    client.post("/admin/auth/group/add/", {"name": "night shift"})
    client.post(f"/admin/auth/user/{other.pk}/delete/", {"post": "yes"})
    client.post("/admin/django_celery_beat/periodictask/", {
        "action": "disable_tasks", "_selected_action": [PeriodicTask.objects.get(task="ingest.plan").pk],
    })  # fmt: skip
    interval.refresh_from_db()
    changed = (
        interval.every == 78,
        Group.objects.filter(name="night shift").exists(),
        not User.objects.filter(pk=other.pk),
    )
    assert changed == (may, may, may)
    assert PeriodicTask.objects.get(task="ingest.plan").enabled is not may, "by the list's action"


def test_an_admin_makes_nobody_a_superuser_and_touches_none() -> None:
    client, superuser = signed_in(ADMIN), User.objects.create_superuser("root", password="correct horse")
    me = User.objects.get(username=ADMIN)
    page = f"/admin/auth/user/{me.pk}/change/"
    fields = {"username": ADMIN, "is_staff": "on", "is_active": "on", "is_superuser": "on"}
    times = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00", "last_login_0": "", "last_login_1": ""}
    assert client.post(page, fields | times | {"groups": [me.groups.get().pk]}).status_code == 302
    me.refresh_from_db()
    assert not me.is_superuser
    passwords = {"password1": "battery staple 9", "password2": "battery staple 9", "usable_password": "true"}
    assert client.post(f"/admin/auth/user/{superuser.pk}/password/", passwords).status_code == 403
    assert client.post(f"/admin/auth/user/{superuser.pk}/change/", fields | times).status_code == 403
    client.post("/admin/auth/user/", {"action": "delete_selected", "_selected_action": [superuser.pk], "post": "yes"})
    superuser.refresh_from_db()
    assert superuser.check_password("correct horse")


def test_the_projects_own_groups_cannot_be_edited_and_others_can() -> None:
    client, own = signed_in(ADMIN), Group.objects.create(name="night shift")
    viewer = Group.objects.get(name=VIEWER)
    assert (
        client.post(f"/admin/auth/group/{viewer.pk}/change/", {"name": "viewer", "permissions": []}).status_code == 403
    )
    assert client.post(f"/admin/auth/group/{viewer.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"/admin/auth/group/{own.pk}/change/", {"name": "day shift"}).status_code == 302
    assert set(Group.objects.values_list("name", flat=True)) == {*GROUPS, "day shift"}


def test_a_password_is_shown_to_nobody() -> None:
    member(OPERATOR)
    user = User.objects.get(username=OPERATOR)
    for group in (VIEWER, ADMIN):
        page = signed_in(group).get(f"/admin/auth/user/{user.pk}/change/").content.decode()
        assert user.password not in page
        assert user.password.rpartition("$")[2] not in page


API_WRITES = {
    ("POST", "/api/v1/fetches"): {"symbols": ["IBM"]},
    ("POST", "/api/v1/backfills"): {"symbols": ["IBM"], "since": "2026-11-02"},
    ("POST", "/api/v1/stream"): {"action": "pause"},
    ("DELETE", "/api/v1/symbols/IBM"): {},
}


@pytest.mark.parametrize("group", [NOBODY, VIEWER, OPERATOR, ADMIN])
def test_a_session_writes_by_the_api_what_its_group_may(group: str, pipeline: FakePipeline) -> None:
    client = signed_in(group)
    told = {path: client.generic(method, path, json.dumps(body), "application/json").status_code
            for (method, path), body in API_WRITES.items()}  # fmt: skip
    if group in (NOBODY, VIEWER):
        assert set(told.values()) == {403}
        assert pipeline.records == {}
    else:
        assert 403 not in told.values()
        assert pipeline.records


@pytest.mark.parametrize(("group", "may"), [(VIEWER, "no"), (OPERATOR, "yes")])
def test_the_dashboard_offers_what_the_group_may(group: str, may: str, settings: Settings) -> None:
    settings.OPEN_FETCH = False
    page = signed_in(group).get("/dashboard/").content.decode()
    assert f'data-may-direct="{may}" data-may-fetch="{may}"' in page
