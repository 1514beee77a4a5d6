import os

from hypothesis import settings

# No deadline: a machine that is busy with something else is no error. FULL=1 looks ten times as hard.
settings.register_profile("quick", deadline=None)
settings.register_profile("full", deadline=None, max_examples=1000)
settings.load_profile("full" if os.environ.get("FULL") else "quick")

# Celery's own fixtures. Loaded from here they come after pytest-celery's, whose `celery_worker` drives containers, and win.
pytest_plugins = ("celery.contrib.pytest",)
