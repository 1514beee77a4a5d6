"""Show what plays; start, pause, resume, stop, seek, or set the speed."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from webui.console import directing


class Command(BaseCommand):
    help = (__doc__ or "").strip()
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        directing.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(directing.run(argparse.Namespace(**options)))
