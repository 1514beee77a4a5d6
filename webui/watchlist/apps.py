from django.apps import AppConfig


class WatchlistConfig(AppConfig):
    name = "webui.watchlist"
    verbose_name = "Watchlist"
    default_auto_field = "django.db.models.BigAutoField"
