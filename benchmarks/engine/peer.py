"""quix-streams from topic to topic, as its own documentation does it, with the same records on the same broker.

It needs a broker that answers an administrator's requests, which the embedded one does not: it is measured on a real Kafka alone.
It pins another confluent-kafka, so it gets a virtual environment of its own, made at first use.
"""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.engine.reading import fill

if TYPE_CHECKING:
    from benchmarks.engine.running import Running

VERSION = "3.28.1"
COUNT = 100_000
_ENVIRONMENT = Path(__file__).parents[2] / ".venv" / "quix"


def quix_rates(running: "Running", sample: list[tuple[bytes, bytes]], repeats: int) -> list[float]:
    """Records a second of each run; none on the embedded broker."""
    if running.settings.kafka.embedded:
        return []
    python = _python()
    source, target = running.topic("quix-in"), running.topic("quix-out")
    fill(running.servers, source, sample, COUNT)
    return [_run(python, running.servers, source, target) for _ in range(repeats)]


def _run(python: Path, servers: str, source: str, target: str) -> float:
    program = Path(__file__).with_name("quix_program.py")
    command = [str(python), "-W", "ignore", str(program), servers, source, target, str(COUNT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode:
        raise RuntimeError(f"quix-streams: {done.stderr[-1000:]}")
    return float(done.stdout)


def _python() -> Path:
    python = _ENVIRONMENT / "bin" / "python"
    if not (_ENVIRONMENT / ".installed").exists():
        print(f"installing quix-streams {VERSION} for the comparison", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(_ENVIRONMENT)], check=True)
        install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*install, f"quixstreams=={VERSION}"], check=True)
        (_ENVIRONMENT / ".installed").touch()
    return python
