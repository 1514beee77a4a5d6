from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = ()
    operations = (
        migrations.CreateModel(
            name="WatchedSymbol",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "symbol",
                    models.CharField(
                        help_text="1 to 20 characters out of A-Z, 0-9, '.', '-', ':' and '^', "
                        "the first a letter, a digit or '^'.",
                        max_length=20,
                        unique=True,
                    ),
                ),
                ("priority", models.IntegerField(default=0, help_text="Higher is fetched first.")),
                ("enabled", models.BooleanField(default=True, help_text="Only enabled symbols are fetched.")),
                ("added_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={"ordering": ("-priority", "symbol")},
        ),
    )
