"""Show what is asked of Alpha Vantage in the next 24 hours, what does not fit, and why."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from webui.console import day_ahead


class Command(BaseCommand):
    help = (__doc__ or "").strip()
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        day_ahead.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(day_ahead.run(options["json"]))
