"""What SNS posts to subscribers over HTTP(S): its envelope, read strictly, and the text that its signature is over."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from pipeline.domain.errors import InvalidValue
from pipeline.domain.times import from_rfc3339

# SNS tries for an hour; what is older is somebody's recording. A sender's clock may be a little ahead.
OLDEST, AHEAD = timedelta(hours=1), timedelta(minutes=5)


class Kind(StrEnum):
    NOTIFICATION = "Notification"
    SUBSCRIBED = "SubscriptionConfirmation"
    UNSUBSCRIBED = "UnsubscribeConfirmation"


_CONFIRMED = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED = {  # in the order of their names, as the signature has them
    Kind.NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    Kind.SUBSCRIBED: _CONFIRMED,
    Kind.UNSUBSCRIBED: _CONFIRMED,
}
_ABOUT_THE_SIGNATURE = ("SignatureVersion", "Signature", "SigningCertURL")
_ID = re.compile(r"[0-9A-Za-z-]{1,100}")  # it is logged, and part of a key


@dataclass(frozen=True, slots=True)
class SnsMessage:
    """A message as it claims to be: nothing of it holds before its signature was checked."""

    kind: Kind
    id: str
    sent_at: datetime
    values: Mapping[str, str] = field(repr=False)  # what is signed, and what is about the signature

    @property
    def topic_arn(self) -> str:
        return self.values["TopicArn"]

    def signed_text(self) -> bytes:
        """Each signed field's name and value, a line each."""
        signed = [name for name in _SIGNED[self.kind] if name in self.values]
        return "".join(f"{name}\n{self.values[name]}\n" for name in signed).encode()

    def is_of_these_days(self, now: datetime) -> bool:
        return now - OLDEST <= self.sent_at <= now + AHEAD

    @classmethod
    def from_json(cls, body: bytes) -> "SnsMessage":
        """Raises InvalidValue; its message holds nothing of the body."""
        try:
            found = json.loads(body)
            kind = Kind(found["Type"])
        except (KeyError, RecursionError, TypeError, ValueError):
            raise InvalidValue("body", "expected a message of SNS as JSON") from None
        values = {name: found[name] for name in _SIGNED[kind] + _ABOUT_THE_SIGNATURE if name in found}
        for name in _SIGNED[kind] + _ABOUT_THE_SIGNATURE:
            if name not in values and name != "Subject":
                raise InvalidValue(name, "is missing")
            # Only the message may have lines: so no other split of the same signed text into fields is possible.
            if name in values and (not isinstance(values[name], str) or (name != "Message" and "\n" in values[name])):
                raise InvalidValue(name, "expected a text of one line")
        return cls(kind, _checked_id(values["MessageId"]), _time(values["Timestamp"]), values)


def _checked_id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise InvalidValue("MessageId", "expected at most 100 letters, digits and dashes")
    return text


def _time(text: str) -> datetime:
    try:
        return from_rfc3339(text)
    except ValueError:
        raise InvalidValue("Timestamp", "expected a time as RFC 3339") from None
