"""The groups that people are put into: viewer, operator, admin. Each may what the one before it may, and more.

A migration makes them; what they may is set after every migrate, from the rules here, since a permission exists only once the
migration of its model has run. So they are the same everywhere, and the admin does not edit them: other sets of permissions go
into groups of other names. Who is in one enters the admin only with the flag `is_staff`.
"""

from typing import Any

from django.apps.registry import Apps
from django.db.models import Q

VIEWER, OPERATOR, ADMIN = "viewer", "operator", "admin"
GROUPS = (VIEWER, OPERATOR, ADMIN)

# Permissions on what has no model of its own here; they are declared at WatchedSymbol.
VIEW_PIPELINE = "watchlist.view_pipeline"
FETCH = "watchlist.fetch_now"
BACK_FILL = "watchlist.back_fill"
DIRECT = "watchlist.direct_stream"

# Apps with pages in the admin. What is seen there are never secrets: passwords and tokens are stored hashed.
_SHOWN = Q(content_type__app_label__in=("watchlist", "django_celery_beat", "auth", "axes"))
_VIEWS = _SHOWN & Q(codename__startswith="view_")
_OPERATIONS = Q(content_type__app_label="watchlist") & Q(
    codename__in=(
        *(permission.partition(".")[2] for permission in (FETCH, BACK_FILL, DIRECT)),
        *(f"{verb}_watchedsymbol" for verb in ("add", "change", "delete")),
    )
)
_ADMINISTRATION = (
    Q(content_type__app_label__in=("watchlist", "django_celery_beat"))
    | Q(content_type__app_label="auth", content_type__model__in=("user", "group"))
    | Q(content_type__app_label="axes", codename="delete_accessattempt")  # lets somebody in again who is locked out
)
RULES = {VIEWER: _VIEWS, OPERATOR: _VIEWS | _OPERATIONS, ADMIN: _VIEWS | _OPERATIONS | _ADMINISTRATION}


def set_permissions(apps: Apps, using: str, **_: Any) -> None:
    """Receives `post_migrate`. In a database without Django's own tables yet there is nothing to do."""
    try:
        group_model, permission_model = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    except LookupError:
        return
    for group in group_model.objects.using(using).filter(name__in=GROUPS):
        group.permissions.set(permission_model.objects.using(using).filter(RULES[group.name]))
