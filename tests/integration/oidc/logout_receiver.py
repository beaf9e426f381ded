"""A client's back-channel logout endpoint: answers with statuses of a list, and remembers each request."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


@dataclass
class Receiver:
    """`statuses` are used up one by one; then it answers 200. `meanwhile` is called before an answer."""

    uri: str
    statuses: list[int] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    content_types: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    meanwhile: Callable[[], None] | None = None


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Serve on a free port until the block ends."""
    receiver = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode("ascii")
            receiver.tokens += parse_qs(body, strict_parsing=True)["logout_token"]
            receiver.content_types.append(self.headers["Content-Type"])
            receiver.paths.append(self.path)
            meanwhile, receiver.meanwhile = receiver.meanwhile, None
            if meanwhile is not None:
                meanwhile()
            status = receiver.statuses.pop(0) if receiver.statuses else 200
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{receiver.uri}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.uri = f"http://127.0.0.1:{server.server_port}/logout"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
