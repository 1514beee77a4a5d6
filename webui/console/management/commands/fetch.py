"""Ask for symbols' bars, and wait until they are stored."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from webui.console import fetching


class Command(BaseCommand):
    help = (__doc__ or "").strip()
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        fetching.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(fetching.run(options["symbols"], options["interval"], options["full"], not options["no_wait"]))
