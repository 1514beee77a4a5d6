from django.apps import AppConfig
from django.db.models.signals import post_migrate

from webui.watchlist.groups import set_permissions


class WatchlistConfig(AppConfig):
    name = "webui.watchlist"
    verbose_name = "Watchlist"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Connected after django.contrib.auth's own receiver, which makes this app's permissions.
        post_migrate.connect(set_permissions, sender=self, dispatch_uid="watchlist.groups")
