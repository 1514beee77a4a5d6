"""Bring back what `backup` has written, into a system that does not run."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from webui.console import restoring


class Command(BaseCommand):
    help = (__doc__ or "").strip()
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        restoring.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(restoring.run(options["archive"], options["replace"]))
