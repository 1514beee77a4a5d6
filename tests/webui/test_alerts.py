"""Alerts on the web: the history, the rules and the dry run of the API, and the admin's page of the rules."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from pipeline.domain.alerts import Alert, Happening, Notice, NoticeState, Rule, RuleKind, cleared
from pipeline.domain.bars import Bar
from pipeline.domain.live_bars import LiveBar
from tests.webui.fakes import NOW, FakePipeline
from webui.watchlist import mirror
from webui.watchlist.models import AlertRule

ADMIN = "/admin/watchlist/alertrule/"
SESSION = "2026-11-20T22:00:00.000Z"
FIELDS = {
    "name": "High", "enabled": "on", "kind": "above", "subject": "ibm", "threshold": "100", "clear_at": "",
    "window_s": "60", "cooldown_s": "300", "to_sns": "on", "webhook_url": "https://hooks.example/canary", "mail_to": "",
}  # fmt: skip


def get(api: Client, path: str, status: int = 200) -> Any:
    response = api.get(f"/api/v1{path}")
    assert response.status_code == status, response.content
    return response.json()


def fire(pipeline: FakePipeline, n: int, subject: str = "IBM", over: bool = False) -> Alert:
    at = NOW + timedelta(seconds=n)
    told = (Notice(Happening.FIRED, "webhook", NoticeState.FAILED, 1, reason="webhook: h answered 410"),)
    alert = Alert("7", "High", RuleKind.ABOVE, subject, n, 100, 101.5, f"{subject} is at 101.50", at, notices=told)
    pipeline.alerts.open(alert)
    if over:
        pipeline.alerts.close(cleared(alert, at + timedelta(seconds=5), 94.5, f"{subject} is at 94.50"))
    return alert


class TestHistory:
    def test_an_alert_tells_what_fired_what_cleared_it_and_how_its_notices_went(
        self, api: Client, pipeline: FakePipeline
    ) -> None:
        fire(pipeline, 1, over=True)
        assert get(api, "/alerts") == {
            "alerts": [
                {
                    "id": "7:IBM:1", "rule_id": "7", "rule": "High", "kind": "above", "subject": "IBM", "symbol": "IBM",
                    "state": "cleared", "threshold": 100.0, "value": 101.5, "text": "IBM is at 101.50",
                    "fired_at": "2026-11-20T22:00:01.000Z", "cleared_at": "2026-11-20T22:00:06.000Z",
                    "cleared_value": 94.5, "cleared_text": "IBM is at 94.50",
                    "notices": [
                        {
                            "happening": "fired", "channel": "webhook", "state": "failed", "attempts": 1,
                            "next_try_at": None, "sent_at": None, "reason": "webhook: h answered 410",
                        }
                    ],
                }
            ],
            "next": None,
        }  # fmt: skip

    def test_the_list_is_filtered_and_goes_on_from_page_to_page(self, api: Client, pipeline: FakePipeline) -> None:
        for n in range(5):
            fire(pipeline, n, "IBM" if n % 2 else "AAPL", over=n < 3)
        ids, after = [], ""
        while True:
            page = get(api, f"/alerts?limit=2{after}")
            ids += [alert["id"] for alert in page["alerts"]]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert ids == ["7:AAPL:4", "7:IBM:3", "7:AAPL:2", "7:IBM:1", "7:AAPL:0"]
        assert [alert["id"] for alert in get(api, "/alerts?symbol=ibm")["alerts"]] == ["7:IBM:3", "7:IBM:1"]
        assert [alert["id"] for alert in get(api, "/alerts?state=firing")["alerts"]] == ["7:AAPL:4", "7:IBM:3"]

    @pytest.mark.parametrize(
        ("query", "field"),
        [("after=x", "after"), ("state=sad", "state"), ("limit=0", "limit"), ("symbol=a%26b", "symbol")],
    )
    def test_a_malformed_filter_is_named(self, query: str, field: str, api: Client, pipeline: FakePipeline) -> None:
        assert get(api, f"/alerts?{query}", 422)["errors"][0]["field"] == field

    def test_the_rules_tell_their_state_and_no_address(self, api: Client, pipeline: FakePipeline) -> None:
        url = "https://hooks.example/canary"
        pipeline.rules.replace(
            [Rule("7", "High", RuleKind.ABOVE, "*", 100, 95, 0, 60, 5, ("webhook",), url, ("canary@example.com",))]
        )
        fire(pipeline, 1)
        fire(pipeline, 2, "AAPL")
        fire(pipeline, 3, "MSFT", over=True)
        answer = get(api, "/alerts/rules")
        assert answer["rules"] == [
            {
                "id": "7", "name": "High", "kind": "above", "subject": "*", "threshold": 100.0, "clear_at": 95.0,
                "window_s": 0, "cooldown_s": 60, "channels": ["webhook"], "firing": ["AAPL", "IBM"],
            }
        ]  # fmt: skip
        assert "canary" not in json.dumps(answer)


@pytest.mark.django_db
class TestDryRun:
    def bars(self, pipeline: FakePipeline, *highs: float) -> None:
        pipeline.stored["IBM"] = [
            Bar(
                "IBM",
                "daily",
                NOW + timedelta(days=n),
                900_000,
                round(high * 10_000),
                800_000,
                900_000,
                10,
                "simulator",
            )
            for n, high in enumerate(highs)
        ]

    def ask(self, api: Client, status: int = 200, headers: dict[str, str] | None = None, **changes: Any) -> Any:
        order = {"symbol": "IBM", "kind": "above", "threshold": 100} | changes
        response = api.post("/api/v1/alerts/dry-run", order, content_type="application/json", headers=headers)
        assert response.status_code == status, response.content
        return response.json()

    def test_it_tells_when_the_rule_would_have_fired_and_cleared(self, api: Client, pipeline: FakePipeline) -> None:
        self.bars(pipeline, 99, 101, 100, 99.5, 103)
        answer = self.ask(api, end="2027-01-01T00:00:00Z")
        assert (answer["bars"], answer["fired"]) == (5, 2)
        assert answer["alerts"][0] == {
            "fired_at": "2026-11-21T22:00:00.000Z", "value": 101.0, "text": "IBM is at 101.00, at or above 100.00",
            "cleared_at": "2026-11-23T22:00:00.000Z", "cleared_value": 99.5,
            "cleared_text": "IBM is at 99.50, at or below 99.50",
        }  # fmt: skip
        assert answer["alerts"][1]["cleared_at"] is None

    def test_a_window_over_daily_bars_is_a_number_of_bars(self, api: Client, pipeline: FakePipeline) -> None:
        self.bars(pipeline, 90, 90, 90, 90)
        answer = self.ask(api, kind="volume", threshold=30, window=3, end="2027-01-01T00:00:00Z")
        assert [alert["text"] for alert in answer["alerts"]] == ["IBM: 30 shares within 3 bars; the limit is 30"]

    def test_live_bars_can_be_tried_too(self, api: Client, pipeline: FakePipeline) -> None:
        numbers = (900_000, 1_010_000, 800_000, 900_000, 5, 10, 1, 10, 0)
        pipeline.live_bars.add([LiveBar("IBM", "1s", 1_795_363_200, SESSION, SESSION, *numbers, "simulator")])
        answer = self.ask(api, over="live")
        assert (answer["bars"], answer["fired"]) == (1, 1)

    def test_without_bars_nothing_is_made_up(self, api: Client, pipeline: FakePipeline) -> None:
        assert self.ask(api, symbol="NONE") == {"bars": 0, "first": None, "last": None, "fired": 0, "alerts": []}

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"threshold": -1}, "threshold"),
            ({"clear_at": 100}, "clear_at"),
            ({"kind": "silence"}, "kind"),
            ({"window": 0}, "window"),
            ({"symbol": "*"}, "symbol"),
            ({"over": "live", "start": "2026-01-01T00:00:00Z"}, "start"),
            ({"webhook_url": "https://example.com"}, "webhook_url"),
        ],
    )
    def test_what_cannot_be_tried_is_named(
        self, change: dict[str, Any], field: str, api: Client, pipeline: FakePipeline
    ) -> None:
        assert self.ask(api, 422, **change)["errors"][0]["field"] == field

    def test_a_page_of_another_site_gets_nothing(self, api: Client, pipeline: FakePipeline) -> None:
        assert self.ask(api, 403, {"Origin": "https://evil.example"})["errors"][0]["field"] == "Origin"

    def test_a_session_needs_its_csrf_token(self, api: Client, pipeline: FakePipeline, admin_user: User) -> None:
        api.force_login(admin_user)
        assert self.ask(api, 403)["errors"][0]["field"] == "X-CSRFToken"


@pytest.mark.django_db
class TestAdmin:
    def test_a_rule_that_is_saved_is_the_pipeline_s_on_commit(
        self, admin_client: Client, pipeline: FakePipeline,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:  # fmt: skip
        with django_capture_on_commit_callbacks(execute=True):
            response = admin_client.post(f"{ADMIN}add/", FIELDS)
        assert response.status_code == 302, response.context["errors"]
        [rule] = pipeline.rules.rules()
        assert (rule.name, rule.kind, rule.subject, rule.threshold, rule.clear_at) == (
            "High", RuleKind.ABOVE, "IBM", 100.0, 99.5,
        )  # fmt: skip
        assert (rule.channels, rule.webhook_url) == (("sns", "webhook"), "https://hooks.example/canary")
        assert rule.since_ms > 1_700_000_000_000
        with django_capture_on_commit_callbacks(execute=True):
            admin_client.post(f"{ADMIN}{rule.id}/delete/", {"post": "yes"})
        assert pipeline.rules.rules() == []

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"threshold": "0"}, "threshold"),
            ({"clear_at": "100"}, "clear_at"),
            ({"subject": "A&B"}, "subject"),
            ({"kind": "stage"}, "subject"),
            ({"kind": "rise", "window_s": "0"}, "window_s"),
            ({"webhook_url": "ftp://x"}, "webhook_url"),
            ({"mail_to": "nobody"}, "mail_to"),
            ({"threshold": ""}, "threshold"),
            ({"kind": "mood"}, "kind"),
        ],
    )
    def test_a_mistake_stands_beside_its_field(
        self, change: dict[str, str], field: str, admin_client: Client, pipeline: FakePipeline
    ) -> None:
        response = admin_client.post(f"{ADMIN}add/", FIELDS | change)
        assert response.status_code == 200
        assert field in response.context["adminform"].form.errors
        assert not AlertRule.objects.exists()

    def test_who_may_only_look_sees_the_webhook_s_host_and_not_its_address(
        self, client: Client, pipeline: FakePipeline
    ) -> None:
        url = "https://hooks.example/canary"
        rule = AlertRule.objects.create(name="High", kind="above", subject="IBM", threshold=100.0, webhook_url=url)
        user = User.objects.create_user("viewer", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="view_alertrule"))
        client.force_login(user)
        page = client.get(f"{ADMIN}{rule.pk}/change/")
        assert page.status_code == 200
        assert b"hooks.example" in page.content
        assert b"canary" not in page.content

    def test_a_writer_that_calls_no_clean_is_checked_too(self) -> None:
        with pytest.raises((ValidationError, ValueError)):
            AlertRule.objects.create(name="Bad", kind="above", subject="IBM", threshold=-1.0)

    def test_the_minute_s_round_brings_enabled_rules_alone(self, pipeline: FakePipeline) -> None:
        AlertRule.objects.create(name="On", kind="above", subject="IBM", threshold=100.0)
        AlertRule.objects.create(name="Off", kind="above", subject="IBM", threshold=100.0, enabled=False)
        mirror._mirror_in_thread()
        assert [rule.name for rule in pipeline.rules.rules()] == ["On"]

    def test_a_rule_that_somebody_broke_keeps_no_other_from_the_pipeline(
        self, pipeline: FakePipeline, caplog: pytest.LogCaptureFixture
    ) -> None:
        for name in ("Good", "Bad"):
            AlertRule.objects.create(name=name, kind="above", subject="IBM", threshold=100.0)
        AlertRule.objects.filter(name="Bad").update(threshold=-1.0)
        mirror._mirror_in_thread()
        assert [rule.name for rule in pipeline.rules.rules()] == ["Good"]
        assert "'Bad' is left out: threshold" in caplog.text
