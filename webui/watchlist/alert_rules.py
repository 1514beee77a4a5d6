"""The alert rules as people edit them; the pipeline reads their mirror (webui/watchlist/alert_mirror.py)."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from pipeline.domain.alerts import WINDOWED, Rule, RuleKind, checked_rule, usual_clear
from pipeline.domain.errors import InvalidValue
from pipeline.domain.times import to_ms

KINDS = (
    (RuleKind.ABOVE.value, "Price at or above"),
    (RuleKind.BELOW.value, "Price at or below"),
    (RuleKind.RISE.value, "Rise within the window"),
    (RuleKind.FALL.value, "Fall within the window"),
    (RuleKind.VOLUME.value, "Volume within the window"),
    (RuleKind.SILENCE.value, "Silence of a symbol"),
    (RuleKind.STAGE.value, "A stage that fails"),
)


class AlertRule(models.Model):
    name = models.CharField(max_length=80, unique=True)
    enabled = models.BooleanField(default=True, help_text="Only enabled rules are looked at.")
    kind = models.CharField(max_length=10, choices=KINDS)
    subject = models.CharField(
        max_length=20,
        default="*",
        help_text="A symbol, or * for each of the watchlist; a stage's name, or * for each of them.",
    )
    threshold = models.FloatField(
        help_text="Where it fires: dollars, percent, shares, seconds of silence or of failing."
    )
    clear_at = models.FloatField(
        null=True,
        blank=True,
        help_text="Where it clears. Left out: half a percent from a price, half of the others.",
    )
    window_s = models.PositiveIntegerField("window", default=60, help_text="Seconds; of rise, fall and volume.")
    cooldown_s = models.PositiveIntegerField(
        "cool-down", default=300, help_text="Seconds from one firing to the next, at least."
    )
    to_sns = models.BooleanField(
        "SNS", default=False, help_text="Tell the events' SNS topic: alert.fired, alert.cleared."
    )
    webhook_url = models.CharField(
        "webhook",
        max_length=500,
        blank=True,
        help_text="Where signed posts go, like https://example.com/hook; none if left out.",
    )
    mail_to = models.CharField(
        "mail", max_length=500, blank=True, help_text="Addresses, comma separated; none if left out."
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def as_rule(self) -> Rule:
        """As the pipeline has it. Raises InvalidValue, naming the field and the rule."""
        kind = RuleKind(self.kind)
        subject = self.subject.strip() if kind == RuleKind.STAGE else self.subject.strip().upper()
        mail_to = tuple(address.strip() for address in self.mail_to.split(",") if address.strip())
        given = (("sns", self.to_sns), ("webhook", self.webhook_url), ("mail", mail_to))
        return checked_rule(
            Rule(
                id=str(self.pk or ""),
                name=self.name,
                kind=kind,
                subject=subject,
                threshold=self.threshold,
                clear_at=usual_clear(kind, self.threshold) if self.clear_at is None else self.clear_at,
                window_s=self.window_s if kind in WINDOWED else 0,
                cooldown_s=self.cooldown_s,
                since_ms=to_ms(self.changed_at) if self.changed_at else 0,
                channels=tuple(channel for channel, wanted in given if wanted),
                webhook_url=self.webhook_url,
                mail_to=mail_to,
            )
        )

    def clean(self) -> None:
        if self.kind not in dict(KINDS) or self.threshold is None or None in (self.window_s, self.cooldown_s):
            return  # said already, by the fields themselves
        try:
            self.subject = self.as_rule().subject
        except InvalidValue as error:
            raise ValidationError({error.field: error.rule}) from None

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.subject = self.as_rule().subject  # also for writers that call no clean()
        super().save(*args, **kwargs)
