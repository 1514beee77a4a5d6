"""Tell a tick's whole life: fetch, bar, event, session, and when it passed each stage."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from webui.console import tracing


class Command(BaseCommand):
    help = (__doc__ or "").strip()
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        tracing.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(tracing.run(options["symbol"], options["seq"], options["session"], options["json"]))
