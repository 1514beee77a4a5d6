"""Brings the alert rules from Django's database to where the pipeline reads them: on commit, and each minute."""

import logging

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
