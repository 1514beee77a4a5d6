"""Start the whole system: servers, workers, beat, Flower and the web."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from webui.console import up


class Command(BaseCommand):
    help = (__doc__ or "").strip()
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        up.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(up.run(up.Asked.read(argparse.Namespace(**options))))
