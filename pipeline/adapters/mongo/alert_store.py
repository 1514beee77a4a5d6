"""The history of alerts in MongoDB: the collection `alerts`, a document each.

`notices` is a map by `fired_CHANNEL` and `cleared_CHANNEL`, so that each is changed without touching the others.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel, MongoClient
from pymongo.errors import DuplicateKeyError

from pipeline.adapters.mongo.connection import Document, mapped_errors
from pipeline.domain.alerts import CHANNELS, Alert, Happening, Notice, NoticeState, RuleKind, State
from pipeline.ports.alert_store import WantedAlerts

_NEWEST = [("fired_at", DESCENDING), ("_id", DESCENDING)]
_CLEARED = ("cleared_at", "cleared_value", "cleared_text")
_SOON = timedelta(seconds=2)
INDEXES = (
    IndexModel(_NEWEST),
    IndexModel([("subject", ASCENDING), *_NEWEST]),
    IndexModel([("rule_id", ASCENDING), ("subject", ASCENDING), ("n", DESCENDING)]),
    *(
        IndexModel([(f"notices.{happening}_{channel}.due", ASCENDING)], sparse=True)
        for happening in Happening
        for channel in CHANNELS
    ),
)


class MongoAlertStore:
    def __init__(self, client: "MongoClient[Document]", database: str) -> None:
        self._alerts = client[database]["alerts"]

    def open(self, alert: Alert) -> bool:
        document = {name: value for name, value in asdict(alert).items() if name != "notices"}
        document |= {"_id": alert.id, "kind": alert.kind.value, "notices": dict(map(_entry, alert.notices))}
        try:
            with mapped_errors():
                self._alerts.insert_one(document)
        except DuplicateKeyError:
            return False
        return True

    def close(self, alert: Alert) -> bool:
        values = {name: getattr(alert, name) for name in _CLEARED}
        new = dict(_entry(notice) for notice in alert.notices if notice.happening == Happening.CLEARED)
        values |= {f"notices.{key}": value for key, value in new.items()}
        with mapped_errors():
            changed = self._alerts.update_one({"_id": alert.id, "cleared_at": None}, {"$set": values})
        return changed.modified_count == 1

    def newest(self, rule_id: str, subject: str) -> Alert | None:
        with mapped_errors():
            found = self._alerts.find_one({"rule_id": rule_id, "subject": subject}, sort=[("n", DESCENDING)])
        return _alert(found) if found else None

    def firing(self) -> list[Alert]:
        with mapped_errors():
            return [_alert(document) for document in self._alerts.find({"cleared_at": None})]

    def recent(self, limit: int = 50, wanted: WantedAlerts | None = None) -> list[Alert]:
        wanted = wanted or WantedAlerts()
        condition: Document = {}
        if wanted.subject is not None:
            condition["subject"] = wanted.subject
        if wanted.state is not None:
            condition["cleared_at"] = None if wanted.state == State.FIRING else {"$ne": None}
        if wanted.after:
            until, last = wanted.after
            condition["$or"] = [{"fired_at": {"$lt": until}}, {"fired_at": until, "_id": {"$lt": last}}]
        with mapped_errors():
            return [_alert(document) for document in self._alerts.find(condition).sort(_NEWEST).limit(limit)]

    def claim(self, channel: str, now: datetime, until: datetime) -> tuple[Alert, Notice] | None:
        for happening in Happening:
            due = f"notices.{happening}_{channel}.due"
            with mapped_errors():
                found = list(self._alerts.find({due: {"$lte": now}}).sort(due, ASCENDING).limit(10))
            for alert in map(_alert, found):
                own = {notice.happening: notice for notice in alert.notices if notice.channel == channel}
                notice, first = own[happening], own.get(Happening.FIRED)
                if happening == Happening.CLEARED and first and first.due:
                    self._move(alert.id, notice, min(first.due, now + _SOON), 0)
                elif self._move(alert.id, notice, until, 1):
                    return alert, replace(notice, attempts=notice.attempts + 1, due=until)
        return None

    def _move(self, alert_id: str, notice: Notice, due: datetime, attempts: int) -> bool:
        """Unless somebody else has moved it meanwhile."""
        key = f"notices.{notice.happening}_{notice.channel}"
        change = {"$set": {f"{key}.due": due}, "$inc": {f"{key}.attempts": attempts}}
        with mapped_errors():
            return self._alerts.update_one({"_id": alert_id, f"{key}.due": notice.due}, change).modified_count == 1

    def settle(self, alert_id: str, notice: Notice) -> None:
        key, value = _entry(notice)
        with mapped_errors():
            self._alerts.update_one({"_id": alert_id}, {"$set": {f"notices.{key}": value}})


def _entry(notice: Notice) -> tuple[str, Document]:
    value = {"state": notice.state.value, "attempts": notice.attempts, "due": notice.due}
    return f"{notice.happening}_{notice.channel}", value | {"sent_at": notice.sent_at, "reason": notice.reason}


def _notice(key: str, value: Mapping[str, Any]) -> Notice:
    happening, channel = key.split("_")
    return Notice(Happening(happening), channel, **dict(value) | {"state": NoticeState(value["state"])})


def _alert(document: Mapping[str, Any]) -> Alert:
    values = {name: value for name, value in document.items() if name != "_id"}
    # As they came to be: by what happened, then by channel.
    notices = [_notice(key, value) for key, value in document["notices"].items()]
    notices.sort(key=lambda one: (list(Happening).index(one.happening), one.channel))
    return Alert(**values | {"kind": RuleKind(document["kind"]), "notices": tuple(notices)})
