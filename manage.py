#!/usr/bin/env python
"""Django's command line: `up`, `down`, `status` (webui/console), and Django's own commands."""

import os
import sys

from django.core.management import execute_from_command_line

from pipeline.domain.errors import SettingsError
from pipeline.settings import data_dir


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webui.settings")
    data_dir().mkdir(mode=0o700, parents=True, exist_ok=True)  # Django's SQLite file lives there
    try:
        execute_from_command_line(sys.argv)
    except SettingsError as error:
        sys.exit(f"{' '.join(sys.argv[:2])}: {error}")


if __name__ == "__main__":
    main()
