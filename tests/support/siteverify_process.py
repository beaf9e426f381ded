"""The fake captcha provider that support.siteverify runs.

Usage: python siteverify_process.py PORT SECRET RECORD BEHAVIOUR. The behaviour file is read for each request.
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

PORT, SECRET = int(sys.argv[1]), sys.argv[2]
RECORD, BEHAVIOUR = Path(sys.argv[3]), Path(sys.argv[4])

lock = threading.Lock()
used: set[str] = set()


def verify_token(form: dict[str, str]) -> dict[str, object]:
    """Verify as documented by captcha providers; a token is valid once."""
    if form.get("secret") != SECRET:
        return {"success": False, "error-codes": ["invalid-input-secret"]}
    token = form.get("response", "")
    with lock:
        is_used = token in used
        used.add(token)
    if is_used:
        return {"success": False, "error-codes": ["timeout-or-duplicate"]}
    if not token.startswith("good"):
        return {"success": False, "error-codes": ["invalid-input-response"]}
    return {"success": True, "challenge_ts": "2026-01-01T00:00:00Z", "hostname": "example.com"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        form = dict(parse_qsl(self.rfile.read(length).decode("ascii"), keep_blank_values=True))
        with lock, RECORD.open("a", encoding="utf-8") as record:
            record.write(json.dumps({**form, "content_type": self.headers["Content-Type"]}) + "\n")
        behaviour = json.loads(BEHAVIOUR.read_text(encoding="utf-8"))
        time.sleep(behaviour["delay"])
        body = behaviour["body"]
        content = (json.dumps(verify_token(form)) if body is None else body).encode("utf-8")
        self.send_response(behaviour["status"])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore callers that disconnected."""


Server(("127.0.0.1", PORT), Handler).serve_forever()
