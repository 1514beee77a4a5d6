# Celery's own fixtures. Loaded from here they come after pytest-celery's, whose `celery_worker` drives containers, and win.
pytest_plugins = ("celery.contrib.pytest",)
