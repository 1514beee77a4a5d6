"""The watchlist as people edit it (the pipeline reads its mirror, webui/watchlist/mirror.py), and the API's access tokens."""

import hashlib
import hmac
import logging
import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError, models
from django.utils import timezone

from pipeline.domain.errors import InvalidValue
from pipeline.domain.symbols import RULE, checked_symbol
from webui.watchlist.alert_rules import AlertRule

__all__ = ["AlertRule", "WatchedSymbol"]

log = logging.getLogger(__name__)
_USED_EVERY = timedelta(minutes=1)  # the database is not written to for each request


class WatchedSymbol(models.Model):
    symbol = models.CharField(max_length=20, unique=True, help_text=f"{RULE}.")
    priority = models.IntegerField(default=0, help_text="Higher is fetched first.")
    enabled = models.BooleanField(default=True, help_text="Only enabled symbols are fetched.")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-priority", "symbol")
        permissions = (  # on what has no model of its own here
            ("view_pipeline", "Can look through fetches, events and back-fills"),
            ("fetch_now", "Can ask for fetches"),
            ("back_fill", "Can start back-fills"),
            ("direct_stream", "Can direct the stream"),
        )

    def __str__(self) -> str:
        return self.symbol

    def clean(self) -> None:
        try:
            self.symbol = checked_symbol(self.symbol)
        except InvalidValue as error:
            raise ValidationError({"symbol": error.rule}) from None

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.symbol = checked_symbol(self.symbol)  # also for writers that call no clean()
        super().save(*args, **kwargs)


class AccessToken(models.Model):
    """What a program shows to change something by the API. It may what its scopes say, as far as its owner may.

    The token itself is known to whoever was shown it, once: here is its SHA-256, which is enough for 256 random bits, and its
    beginning, for people to recognise it.
    """

    PREFIX = 10  # characters that are kept

    name = models.CharField(max_length=100, help_text="What it is for.")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="access_tokens", editable=False)
    fetch = models.BooleanField("may fetch", default=False, help_text="Ask for fetches.")
    stream = models.BooleanField("may direct the stream", default=False, help_text="Start, pause, seek, speed, stop.")
    change = models.BooleanField("may change", default=False, help_text="Delete symbols with their data.")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, editable=False, help_text="To the minute.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Left out: it does not expire.")
    revoked_at = models.DateTimeField(null=True, editable=False)
    prefix = models.CharField("begins with", max_length=PREFIX, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def issue(self) -> str:
        """Give it a new token, which is returned and kept nowhere."""
        token = f"tl_{secrets.token_urlsafe(32)}"
        self.prefix, self.digest = token[: self.PREFIX], _digest(token)
        return token

    @classmethod
    def valid(cls, token: str) -> "AccessToken | None":
        """The one that this text is, unless it has expired, was revoked, or its owner may not sign in any more."""
        digest = _digest(token)
        found = cls.objects.select_related("owner").filter(digest=digest).first()
        if found is None or not hmac.compare_digest(found.digest, digest) or not found.is_valid:
            return None
        return found

    @property
    def is_valid(self) -> bool:
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return not expired and self.revoked_at is None and self.owner.is_active and self.owner.is_staff

    def note_use(self) -> None:
        """At most once a minute; a database that is busy costs no request."""
        now = timezone.now()
        if self.last_used_at is not None and now - self.last_used_at < _USED_EVERY:
            return
        try:
            AccessToken.objects.filter(pk=self.pk).update(last_used_at=now)
        except DatabaseError as error:
            log.warning("the use of an access token is not noted: %s", type(error).__name__)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
