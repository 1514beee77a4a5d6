"""The groups viewer, operator and admin, and the permissions that they need; webui/watchlist/groups.py says who may what."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

GROUPS = ("viewer", "operator", "admin")


def create_groups(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    for name in GROUPS:
        apps.get_model("auth", "Group").objects.get_or_create(name=name)


class Migration(migrations.Migration):
    dependencies = (("watchlist", "0005_access_token"), ("auth", "0012_alter_user_first_name_max_length"))
    operations = (
        migrations.AlterModelOptions(
            name="watchedsymbol",
            options={
                "ordering": ("-priority", "symbol"),
                "permissions": (
                    ("view_pipeline", "Can look through fetches, events and back-fills"),
                    ("fetch_now", "Can ask for fetches"),
                    ("back_fill", "Can start back-fills"),
                    ("direct_stream", "Can direct the stream"),
                ),
            },
        ),
        migrations.RunPython(create_groups, migrations.RunPython.noop),
    )
