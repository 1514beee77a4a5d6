"""The watchlist as people edit it; the pipeline reads its mirror (webui/watchlist/mirror.py)."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from pipeline.domain.errors import InvalidValue
from pipeline.domain.symbols import RULE, checked_symbol


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
