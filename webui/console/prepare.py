"""`manage.py prepare`: what `up` does between the servers' first answers and the processes' start, where no `up` runs.

1. Django's migrations. 2. The indexes of the stores. 3. Topic and queue on the emulator; on real AWS they are given by settings.
All of it is safe to repeat. Exit code 0, or 1 when a server does not answer.
"""

import sys

from django.core.management import call_command
from django.db import OperationalError

from pipeline import bootstrap
from pipeline.domain.errors import TickerlineError


def run() -> int:
    try:
        call_command("migrate", interactive=False, verbosity=1)
        settings = bootstrap.load_settings()
        bootstrap.prepare_stores(settings)
        made = bootstrap.provision_events(settings)
    except TickerlineError as error:
        print(f"prepare: {error}", file=sys.stderr)
        return 1
    except OperationalError as error:  # its text names the host, never the password
        print(f"prepare: Django's database: {type(error).__name__}", file=sys.stderr)
        return 1
    print(f"prepared: topic {made['topic_arn']}, queue {made['queue_url']}")
    return 0
