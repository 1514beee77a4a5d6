"""Users of the web who may some things."""

from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType

from webui.watchlist.models import WatchedSymbol


def permit(user: User, *codenames: str) -> User:
    """Some are declared by other migrations than those of this model."""
    model = ContentType.objects.get_for_model(WatchedSymbol)
    for codename in codenames:
        found = Permission.objects.filter(codename=codename, content_type__app_label="watchlist").first()
        user.user_permissions.add(found or Permission.objects.create(codename=codename, content_type=model))
    return User.objects.get(pk=user.pk)
