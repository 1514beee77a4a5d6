"""The admin, the first start's watchlist and schedules, and the mirror to the pipeline."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.core.management import call_command
from django.test import Client
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_celery_beat.schedulers import ModelEntry
from pytest_django import DjangoCaptureOnCommitCallbacks

from pipeline.ports.watchlist_store import WatchedSymbol as Watched
from tests.webui.fakes import FakePipeline
from webui.watchlist import mirror
from webui.watchlist.models import WatchedSymbol

ROOT = Path(__file__).resolve().parents[2]
DEFAULTS = {
    "ingest.plan": (20, 19, "ingest"),
    "ingest.sweep": (30, 29, "ingest"),
    "ingest.backfill": (5, 4, "ingest"),
    "monitor.beat_seen": (5, 4, "monitor"),
}


@pytest.mark.django_db
class TestFirstStart:
    def test_the_watchlist_and_the_schedules_are_there(self) -> None:
        assert set(WatchedSymbol.objects.values_list("symbol", flat=True)) == {"AAPL", "MSFT", "GOOGL", "IBM", "META"}
        made = {t.task: (t.interval.every, t.expire_seconds, t.queue) for t in PeriodicTask.objects.all()}
        assert made == DEFAULTS
        assert all(task.description and task.enabled for task in PeriodicTask.objects.all())

    def test_every_schedule_is_due_at_once(self) -> None:
        app = Celery("schedules", set_as_current=False)
        for task in PeriodicTask.objects.all():
            entry = ModelEntry(task, app=app)
            assert entry.is_due().is_due, task.name
            assert entry.options["expires"] == task.expire_seconds

    def test_an_edit_stands_over_a_later_migrate(self) -> None:
        PeriodicTask.objects.filter(task="ingest.plan").update(enabled=False)
        PeriodicTask.objects.filter(task="ingest.sweep").delete()
        IntervalSchedule.objects.filter(every=5).update(every=7)
        WatchedSymbol.objects.filter(symbol="IBM").delete()
        call_command("migrate", verbosity=0)
        assert not PeriodicTask.objects.get(task="ingest.plan").enabled
        assert not PeriodicTask.objects.filter(task="ingest.sweep").exists()
        assert PeriodicTask.objects.get(task="monitor.beat_seen").interval.every == 7
        assert not WatchedSymbol.objects.filter(symbol="IBM").exists()

    def test_no_migration_is_missing(self) -> None:
        call_command("makemigrations", "--check", "--dry-run", verbosity=0)


PAGES = [
    "", "watchlist/watchedsymbol/", "watchlist/watchedsymbol/add/", "django_celery_beat/periodictask/",
    "django_celery_beat/periodictask/add/", "django_celery_beat/intervalschedule/",
    "django_celery_beat/crontabschedule/add/", "django_celery_beat/clockedschedule/add/",
    "django_celery_beat/solarschedule/add/", "auth/user/", "auth/user/add/", "auth/group/add/",
]  # fmt: skip


class TestPages:
    @pytest.mark.parametrize("page", PAGES)
    def test_every_page_opens_with_a_link_to_flower(self, page: str, admin_client: Client) -> None:
        response = admin_client.get(f"/admin/{page}", headers={"Host": "localhost:3000"})
        assert response.status_code == 200
        assert b"http://localhost:5555/" in response.content

    def test_a_stranger_is_asked_to_sign_in(self, client: Client) -> None:
        assert client.get("/admin/", follow=True).redirect_chain[0][0] == "/admin/login/?next=/admin/"

    def test_a_schedule_is_edited_by_its_tasks_name(self, admin_client: Client) -> None:
        task = PeriodicTask.objects.get(task="ingest.plan")
        page = f"/admin/django_celery_beat/periodictask/{task.pk}/change/"
        form = admin_client.get(page).context["adminform"].form
        values = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
        data = {name: "" if value is None else value for name, value in values.items()} | {"enabled": ""}
        response = admin_client.post(page, data | {"expire_seconds": 11, "start_time_0": "", "start_time_1": ""})
        assert response.status_code == 302, response.context["errors"]
        task.refresh_from_db()
        assert (task.task, task.expire_seconds, task.enabled) == ("ingest.plan", 11, False)


@pytest.mark.django_db
class TestWatchlist:
    def add(self, client: Client, symbol: str, **more: Any) -> Any:
        data = {"symbol": symbol, "priority": 0, "enabled": "on"} | more
        return client.post("/admin/watchlist/watchedsymbol/add/", data, follow=True)

    def test_a_symbol_that_is_added_reaches_the_pipeline_on_commit(
        self,
        admin_client: Client,
        pipeline: FakePipeline,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True) as callbacks:
            self.add(admin_client, "brk.b", priority=3)
        assert len(callbacks) == 1
        assert pipeline.watchlist[0] == Watched("BRK.B", 3)
        assert len(pipeline.watchlist) == 6

    def test_what_is_disabled_or_deleted_leaves_the_pipeline(
        self,
        admin_client: Client,
        pipeline: FakePipeline,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        entry = WatchedSymbol.objects.get(symbol="IBM")
        with django_capture_on_commit_callbacks(execute=True):
            page = f"/admin/watchlist/watchedsymbol/{entry.pk}/change/"
            admin_client.post(page, {"symbol": "IBM", "priority": 0})
        assert "IBM" not in {watched.symbol for watched in pipeline.watchlist}
        others = WatchedSymbol.objects.filter(symbol__in=["AAPL", "META"]).values_list("pk", flat=True)
        with django_capture_on_commit_callbacks(execute=True) as callbacks:
            action = {"action": "delete_selected", "_selected_action": list(others), "post": "yes"}
            admin_client.post("/admin/watchlist/watchedsymbol/", action)
        assert len(callbacks) == 1
        assert {watched.symbol for watched in pipeline.watchlist} == {"GOOGL", "MSFT"}

    def test_a_pipeline_that_is_away_keeps_nobody_from_saving(
        self,
        admin_client: Client,
        pipeline: FakePipeline,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        pipeline.away = True
        with django_capture_on_commit_callbacks(execute=True):
            response = self.add(admin_client, "NVDA")
        assert response.status_code == 200
        assert WatchedSymbol.objects.filter(symbol="NVDA").exists()

    def test_a_malformed_or_repeated_symbol_is_refused_with_its_rule(
        self, admin_client: Client, pipeline: FakePipeline
    ) -> None:
        assert b"1 to 20 characters" in self.add(admin_client, "A&B").content
        assert b"already exists" in self.add(admin_client, "aapl").content
        assert WatchedSymbol.objects.count() == 5

    def test_nothing_malformed_is_ever_saved(self) -> None:
        with pytest.raises(ValueError, match="symbol: expected 1 to 20 characters"):
            WatchedSymbol.objects.create(symbol="A B")


def test_a_first_migrate_needs_no_server_and_a_second_changes_nothing(tmp_path: Path) -> None:
    nowhere = {"MONGODB_URI": "mongodb://127.0.0.1:1", "REDIS_URL": "redis://127.0.0.1:1/0"}
    given = nowhere | {"TICKERLINE_DATA": str(tmp_path / "data"), "TICKERLINE_WATCHLIST": "AAPL,BRK.B"}
    environment = os.environ | given

    def manage(*arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=60
        ).stdout.decode()

    def stored() -> str:
        return manage("dumpdata", "watchlist", "django_celery_beat.periodictask", "django_celery_beat.intervalschedule")

    manage("migrate", "--verbosity", "0")
    first = stored()
    assert '"symbol": "BRK.B"' in first
    manage("migrate", "--verbosity", "0")
    assert stored() == first


async def test_the_mirror_tries_again_soon_and_then_each_round(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    loop, enough = asyncio.get_running_loop(), asyncio.Event()

    def mirrored() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            loop.call_soon_threadsafe(enough.set)
        if calls == 1:
            raise ConnectionError("MongoDB is not up yet")

    monkeypatch.setattr(mirror, "mirror_watchlist", mirrored)
    task = asyncio.create_task(mirror.keep_mirrored(interval_s=0.01, retry_s=0.01))
    await asyncio.wait_for(enough.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
