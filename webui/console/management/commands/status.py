"""Show the running system."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from webui.console import status


class Command(BaseCommand):
    help = (__doc__ or "").strip()
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        status.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(status.run(options["json"]))
