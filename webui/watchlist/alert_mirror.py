"""Brings the alert rules from Django's database to where the pipeline reads them: on commit, and each minute."""

import logging

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest

from pipeline.domain.errors import InvalidValue
from webui.api import backend
from webui.watchlist.alert_rules import AlertRule

log = logging.getLogger(__name__)


def mirror_rules() -> None:
    """Make the pipeline's rules what is enabled here. Raises Unavailable."""
    rules = []
    for rule in AlertRule.objects.filter(enabled=True):
        try:
            rules.append(rule.as_rule())
        except InvalidValue as error:  # written past the admin; it must not keep the others from the pipeline
            log.error("the alert rule %r is left out: %s", rule.name, error)
    backend.current().rules.replace(rules)


def mirror_rules_on_commit(request: HttpRequest) -> None:
    """Once a request, however many rules it changes. A pipeline that is away fails nothing: the minute's round repairs it."""

    def mirror() -> None:
        try:
            mirror_rules()
        except Exception:
            log.exception("the alert rules were saved but not mirrored")
            messages.warning(
                request, "Saved. The pipeline cannot be reached; it learns of this within a minute of its return."
            )

    if not getattr(request, "_mirrors_rules", False):
        request._mirrors_rules = True  # type: ignore[attr-defined]
        transaction.on_commit(mirror)
