"""Give the tables of a real Accumulo the splits that TICKERLINE_SHARDS asks for: one step of changing that number."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from webui.console import resplitting


class Command(BaseCommand):
    help = (__doc__ or "").strip()
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(resplitting.run())
