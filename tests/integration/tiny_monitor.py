"""Says on /health what a monitor says while ticks flow: `python -m tests.integration.tiny_monitor PORT`."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DOCUMENT = {"role": "monitor", "status": "ok", "stages": [{"stage": "show", "health": "ok"}]}


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(DOCUMENT).encode())

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the log is not read."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
