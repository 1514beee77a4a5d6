"""The ends of logs, for messages that say what went wrong."""

from pathlib import Path


def last_lines(path: Path, count: int = 8) -> str:
    """The last `count` lines of a log, under a line that names it."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 20_000))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        lines = []
    shown = [f"    {line[:300]}" for line in lines[-count:]]
    return "\n".join([f"  the last lines of {path}:", *(shown or ["    (nothing)"])])
