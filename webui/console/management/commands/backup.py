"""Write MongoDB's documents, the embedded table and Django's SQLite into one file."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from webui.console import backing_up


class Command(BaseCommand):
    help = (__doc__ or "").strip()
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        backing_up.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(backing_up.run(options["target"]))
