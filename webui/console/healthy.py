"""Whether the process of this container is well: `python -m webui.console.healthy [URL]`, exit code 0 or 1, and a word why not.

Asked is what `role` noted, or the URL. Run every few seconds in each container, so it loads little: of beat alone, which
answers nothing over HTTP, Redis is asked.
"""

import http.client
import json
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

NOTE = Path(tempfile.gettempdir()) / "tickerline-health.json"  # written by `role`
TIMEOUT_S = 4.0
WELL = ("ok", "waiting")  # who waits says that nothing is wrong with it


def trouble(note: Path) -> str | None:
    """None when the program that `role` noted is well, else what is wrong, in a word."""
    try:
        noted = json.loads(note.read_text())
    except FileNotFoundError:
        return None  # no role of ours: the container's end is all that there is to see
    return _over_http(noted["url"]) if noted["url"] else _beat()


def _over_http(url: str) -> str | None:
    try:
        status, body = _get(url)
    except (OSError, http.client.HTTPException) as error:
        return f"no answer ({type(error).__name__})"
    try:
        said = json.loads(body)["status"]
    except (ValueError, KeyError, TypeError):  # a page
        said = "ok"
    return None if status < http.client.INTERNAL_SERVER_ERROR and said in WELL else f"{status}, {said}"


def _get(url: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        return answer.status, answer.read(1_000_000)
    finally:
        connection.close()


def _beat() -> str | None:
    """That its task arrived at a monitor within 10 s says that it works."""
    from pipeline import bootstrap
    from pipeline.domain.errors import Unavailable

    try:
        beats = bootstrap.live_channel(bootstrap.load_settings()).heartbeats()
    except Unavailable as error:
        return str(error)
    return None if any(beat.role == "beat" for beat in beats) else "no heartbeat"


def main(arguments: list[str]) -> int:
    wrong = _over_http(arguments[0]) if arguments else trouble(NOTE)
    if wrong:
        print(wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
