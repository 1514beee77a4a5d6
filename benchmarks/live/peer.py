"""What others reach with the same frames and the same clients: a bare `websockets` broadcast, and channels_redis' `group_send`.

channels_redis is no part of the project: it gets a virtual environment of its own, made at first use.
"""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.live.running import Rate, feed, readers, running
from tests.support.servers import HOST, ROOT, free_port, redis_server

HERE = Path(__file__).parent
_ENVIRONMENT = ROOT / ".venv" / "channels-redis"
SETTLE_S = 3.0
PACKAGES = (
    "channels==4.3.2",
    "channels_redis==4.3.0",
    "hiredis==3.5.0",
    "redis==7.4.1",
    "uvicorn[standard]==0.54.0",
    "websockets==17.4",
)


def bare_rate(text: str, clients: int, seconds: float) -> Rate:
    port = free_port()
    command = [sys.executable, str(HERE / "bare_program.py"), str(port), str(clients)]
    with running(command, port, "/probe", text=text) as server, readers(port, "/", clients, "count") as found:
        found.measure(SETTLE_S)
        return found.rate(seconds, server.pid)


def group_rate(text: str, clients: int, seconds: float) -> Rate:
    python, port = str(_python()), free_port()
    serve = [python, "-m", "uvicorn", "group_program:application", "--host", HOST, "--port", str(port)]
    serve += ["--ws-per-message-deflate", "false", "--log-level", "error"]
    with redis_server() as redis:
        environment = os.environ | {"REDIS_URL": redis.url, "PYTHONPATH": str(HERE)}
        with running(serve, port, "/", environment) as server, readers(port, "/", clients, "count") as found:
            sending = subprocess.Popen([python, str(HERE / "group_program.py")], env=environment, stdin=subprocess.PIPE)
            try:
                feed(sending, text)
                found.measure(SETTLE_S)
                return found.rate(seconds, server.pid)
            finally:
                sending.kill()
                sending.wait()


def _python() -> Path:
    python = _ENVIRONMENT / "bin" / "python"
    if not (_ENVIRONMENT / ".installed").exists():
        print(f"installing {PACKAGES[1]} for the comparison", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(_ENVIRONMENT)], check=True)
        install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*install, *PACKAGES], check=True)
        (_ENVIRONMENT / ".installed").touch()
    return python
