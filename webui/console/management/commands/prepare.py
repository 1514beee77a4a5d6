"""Bring databases, topic and queue up to date: once, before the processes start. `up` does it by itself."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from webui.console import prepare


class Command(BaseCommand):
    help = (__doc__ or "").strip()
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(prepare.run())
