"""What the children see: a clean environment, and the address file that every command and process reads."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from pipeline.embedded.servers import Server, stand_ins
from pipeline.settings import Values
from pipeline.settings.sentences import SENTENCES
from webui.console.place import Place

ROOT = Path(__file__).resolve().parents[2]
SYSTEM_MARK = "TICKERLINE_SYSTEM"  # in every process of a system: the data directory it belongs to
# Each process has its own of these; they are not the system's.
OWN = ("TICKERLINE_DATA", "TICKERLINE_INSTANCE", "TICKERLINE_HTTP_PORT", "TICKERLINE_FACE")
# Would override the project's own configuration, or lead a worker into Django.
DROPPED = ("DJANGO_SETTINGS_MODULE", "PYTHONHOME", "WEB_CONCURRENCY", SYSTEM_MARK, *OWN)
DROPPED_PREFIXES = ("CELERY_", "SUPERVISOR_")


def clean(ambient: Mapping[str, str], place: Place) -> dict[str, str]:
    """The environment of supervisord and all its children.

    Ambient AWS_* variables are left out, so that no profile, key, region or service's endpoint leads anybody to real
    AWS; an AWS_ENDPOINT_URL is a setting and stays, and with TICKERLINE_AWS=real all of them stay.
    """
    real_aws, production = ambient.get("TICKERLINE_AWS") == "real", ambient.get("TICKERLINE_PRODUCTION") == "1"
    kept = {
        name: value
        for name, value in ambient.items()
        if name not in DROPPED and not name.startswith(DROPPED_PREFIXES) and (real_aws or not name.startswith("AWS_"))
    }
    if not real_aws:
        if endpoint := ambient.get("AWS_ENDPOINT_URL"):
            kept["AWS_ENDPOINT_URL"] = endpoint
        # The same for what lies in files and on the network.
        kept |= {
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    if not (ambient.get("TICKERLINE_SECRET_KEY") or ambient.get("TICKERLINE_SECRET_KEY_FILE")):
        kept["TICKERLINE_SECRET_KEY_FILE"] = str(place.secret_key)
    return kept | {
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "TICKERLINE_DATA": str(place.data),
        "TICKERLINE_OPEN_FETCH": ambient.get("TICKERLINE_OPEN_FETCH") or ("0" if production else "1"),
        SYSTEM_MARK: str(place.data),
    }


def ensure_secret_key(place: Place) -> None:
    """Made once, readable by its owner alone."""
    try:
        descriptor = os.open(place.secret_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with open(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(50) + "\n")


def addresses(
    values: Values, source: str, started: Mapping[str, tuple[Server, int]], more: Mapping[str, str]
) -> dict[str, str]:
    """The address file's content: every setting that was set, and the addresses of the servers that are started.

    `more` are further settings that clients find servers with.

    So a command in a second shell, which has none of the environment of `up`, means the same system.
    """
    given = {name: values.text(name) for name in SENTENCES if name not in (*OWN, "TICKERLINE_SECRET_KEY")}
    chosen = {server.setting: server.url(port) for server, port in started.values()}
    embedded = ",".join(stand_ins(values, [server for server, _ in started.values()]))
    written = {"TICKERLINE_SOURCE": source, "TICKERLINE_EMBEDDED": embedded}
    return {name: value for name, value in {**given, **chosen, **more, **written}.items() if value}
