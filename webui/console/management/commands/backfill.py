"""Fill in symbols' history from a day on."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from webui.console import backfilling


class Command(BaseCommand):
    help = (__doc__ or "").strip()
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        backfilling.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(backfilling.run(options["symbols"], options["since"], options["interval"], not options["no_wait"]))
