"""How notices of alerts go out: the settings, the signature of a webhook, and when a failed one is tried again."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import unquote, urlsplit

from pipeline.domain.alerts import Notice, NoticeState
from pipeline.domain.errors import SettingsError, Undeliverable

MOST_ATTEMPTS = 10  # within about a quarter of an hour
_LONGEST_WAIT_S = 300
_SHORTEST_SECRET = 16


@dataclass(frozen=True)
class MailServer:
    host: str
    port: int
    tls: bool  # from the first byte on; else STARTTLS where the server has it, and always before a password is told
    user: str
    password: str = field(repr=False)
    sender: str


@dataclass(frozen=True)
class DeliverySettings:
    """`webhook_hosts`: names whose addresses may be private; an empty secret: webhooks are off. `mail` None: mail is off."""

    webhook_secret: str = field(default="", repr=False)
    webhook_hosts: frozenset[str] = frozenset()
    mail: MailServer | None = None

    @classmethod
    def read(cls, text: Callable[[str], str]) -> "DeliverySettings":
        """`text` gives a setting by its name. Raises SettingsError; its message holds no secret."""
        secret = text("TICKERLINE_WEBHOOK_SECRET")
        if secret and len(secret) < _SHORTEST_SECRET:
            raise SettingsError(f"TICKERLINE_WEBHOOK_SECRET: expected at least {_SHORTEST_SECRET} characters")
        hosts = frozenset(name.strip().lower() for name in text("TICKERLINE_WEBHOOK_HOSTS").split(",") if name.strip())
        url, sender = text("TICKERLINE_SMTP_URL"), text("TICKERLINE_MAIL_FROM")
        return cls(secret, hosts, _mail_server(url, sender) if url else None)


def _mail_server(url: str, sender: str) -> MailServer:
    rule = "TICKERLINE_SMTP_URL: expected smtp://[USER:PASSWORD@]HOST[:PORT] or smtps://…"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SettingsError(rule) from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/"):
        raise SettingsError(rule)
    if "@" not in sender:
        raise SettingsError("TICKERLINE_MAIL_FROM: needed with TICKERLINE_SMTP_URL, like alerts@example.com")
    tls = parts.scheme == "smtps"
    names = unquote(parts.username or ""), unquote(parts.password or "")
    return MailServer(parts.hostname, port or (465 if tls else 587), tls, *names, sender)


def signature(secret: str, body: bytes, at_s: int) -> str:
    """The header Tickerline-Signature: HMAC-SHA256 over the time of sending, a dot, and the body."""
    digest = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def after_attempt(notice: Notice, now: datetime, error: Exception | None) -> Notice:
    """The notice after a try that brought this error, None: it is out. The wait doubles, up to 5 minutes."""
    if error is None:
        return replace(notice, state=NoticeState.SENT, due=None, sent_at=now, reason=None)
    reason = str(error)[:200]
    if isinstance(error, Undeliverable):
        return replace(notice, state=NoticeState.FAILED, due=None, reason=reason)
    if notice.attempts >= MOST_ATTEMPTS:
        return replace(
            notice, state=NoticeState.FAILED, due=None, reason=f"given up after {notice.attempts} tries: {reason}"
        )
    wait = min(2**notice.attempts, _LONGEST_WAIT_S)
    return replace(notice, due=now + timedelta(seconds=wait), reason=reason)
