"""Make what runs on AWS: topic, queue, roles, hosts and alarms."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from webui.console import provisioning


class Command(BaseCommand):
    help = (__doc__ or "").strip()
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        provisioning.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(provisioning.run(argparse.Namespace(**options)))
