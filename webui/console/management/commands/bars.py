"""Bring bars in from a file, or write stored ones into a file."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from webui.console import transfer


class Command(BaseCommand):
    help = (__doc__ or "").strip()
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        transfer.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(transfer.run(argparse.Namespace(**options)))
