"""The alert rules."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("watchlist", "0006_groups"),)
    operations = (
        migrations.CreateModel(
            name="AlertRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80, unique=True)),
                ("enabled", models.BooleanField(default=True, help_text="Only enabled rules are looked at.")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("above", "Price at or above"),
                            ("below", "Price at or below"),
                            ("rise", "Rise within the window"),
                            ("fall", "Fall within the window"),
                            ("volume", "Volume within the window"),
                            ("silence", "Silence of a symbol"),
                            ("stage", "A stage that fails"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "subject",
                    models.CharField(
                        default="*",
                        help_text="A symbol, or * for each of the watchlist; a stage's name, or * for each of them.",
                        max_length=20,
                    ),
                ),
                (
                    "threshold",
                    models.FloatField(
                        help_text="Where it fires: dollars, percent, shares, seconds of silence or of failing."
                    ),
                ),
                (
                    "clear_at",
                    models.FloatField(
                        blank=True,
                        help_text="Where it clears. Left out: half a percent from a price, half of the others.",
                        null=True,
                    ),
                ),
                (
                    "window_s",
                    models.PositiveIntegerField(
                        default=60, help_text="Seconds; of rise, fall and volume.", verbose_name="window"
                    ),
                ),
                (
                    "cooldown_s",
                    models.PositiveIntegerField(
                        default=300,
                        help_text="Seconds from one firing to the next, at least.",
                        verbose_name="cool-down",
                    ),
                ),
                (
                    "to_sns",
                    models.BooleanField(
                        default=False,
                        help_text="Tell the events' SNS topic: alert.fired, alert.cleared.",
                        verbose_name="SNS",
                    ),
                ),
                (
                    "webhook_url",
                    models.CharField(
                        blank=True,
                        help_text="Where signed posts go, like https://example.com/hook; none if left out.",
                        max_length=500,
                        verbose_name="webhook",
                    ),
                ),
                (
                    "mail_to",
                    models.CharField(
                        blank=True,
                        help_text="Addresses, comma separated; none if left out.",
                        max_length=500,
                        verbose_name="mail",
                    ),
                ),
                ("changed_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ("name",),
            },
        ),
    )
