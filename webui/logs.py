"""How the web's processes, beat and Flower log: as the settings say, in the form that the workers have too."""

import re
from typing import Any

from pipeline.domain.logs import JsonFormatter
from pipeline.settings import Values, instance, log_format, read_values, secrets

PLAIN = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_ROLES = ("api", "dashboard", "beat", "flower")


def formatter() -> JsonFormatter | None:
    """None: logs are plain text. Called for each process anew, by Django's LOGGING and by Celery."""
    values = read_values()
    if log_format(values) != "json":
        return None
    name = instance(values)
    role = re.sub(r"-\d+$", "", name)
    return JsonFormatter(role if role in _ROLES else "web", name, secrets(values))


def logging_configuration(values: Values) -> dict[str, Any]:
    """Django's LOGGING."""
    level = values.choice("TICKERLINE_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
    structured = log_format(values) == "json"
    loggers: dict[str, Any] = {
        # Django's own default would add a console handler of DEBUG and mails to nobody.
        "django": {"handlers": [], "level": level, "propagate": True},
        "axes": {"level": "WARNING"},  # failures and lock-outs; not every sign-in
    }
    if structured:  # uvicorn has given its own a plain handler
        loggers["uvicorn"] = {"handlers": [], "level": level, "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": formatter} if structured else {"format": PLAIN}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": loggers,
    }
