"""Stop the running system."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from webui.console import down


class Command(BaseCommand):
    help = (__doc__ or "").strip()
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(down.main())
