"""The permission to direct the stream."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = (("watchlist", "0003_backfill"),)
    operations = (
        migrations.AlterModelOptions(
            name="watchedsymbol",
            options={
                "ordering": ("-priority", "symbol"),
                "permissions": (("direct_stream", "Can direct the stream"),),
            },
        ),
    )
