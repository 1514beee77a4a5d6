"""Print the ticks as they come, live, until Ctrl-C."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from webui.console import watching


class Command(BaseCommand):
    help = (__doc__ or "").strip()
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        watching.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(watching.run(options["symbols"], options["url"], options["json"]))
