"""Prove that no tick is lost, doubled or altered: make each again from plan and seed, and compare."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from webui.console import verifying


class Command(BaseCommand):
    help = (__doc__ or "").strip()
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        verifying.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(verifying.run(options["seconds"], options["from_start"], options["json"]))
