"""Access tokens of the API."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("watchlist", "0004_stream"), migrations.swappable_dependency(settings.AUTH_USER_MODEL))
    operations = (
        migrations.CreateModel(
            name="AccessToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(help_text="What it is for.", max_length=100)),
                ("fetch", models.BooleanField("may fetch", default=False, help_text="Ask for fetches.")),
                (
                    "stream",
                    models.BooleanField(
                        "may direct the stream", default=False, help_text="Start, pause, seek, speed, stop."
                    ),
                ),
                (
                    "change",
                    models.BooleanField("may change", default=False, help_text="Delete symbols with their data."),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("last_used_at", models.DateTimeField(editable=False, help_text="To the minute.", null=True)),
                (
                    "expires_at",
                    models.DateTimeField(blank=True, help_text="Left out: it does not expire.", null=True),
                ),
                ("revoked_at", models.DateTimeField(editable=False, null=True)),
                ("prefix", models.CharField("begins with", editable=False, max_length=10)),
                ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                (
                    "owner",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="access_tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"ordering": ("-created_at",)},
        ),
    )
