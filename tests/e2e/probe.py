"""Sends requests to an installation and checks the responses."""

import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx2

from e2e.reporter import Reporter

AUTH: Final = "/api/v1/auth"
USERS: Final = "/api/v1/users"
TICKETS: Final = "/api/v1/tickets"

_PATIENCE_SECONDS: Final = 10.0
"""Timeout for effects that are promised within two seconds; generous, for slow machines."""


class Probe:
    """Sends requests; the first failed check ends the run."""

    def __init__(self, url: str, client: httpx2.Client, reporter: Reporter) -> None:
        self.reporter = reporter
        self.run = secrets.token_hex(4)
        self._url = url
        self._client = client
        self._requests = 0

    def send(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx2.Response:
        """Send a request with a request id of this run."""
        self._requests += 1
        headers = {"X-Request-ID": f"e2e-{self.run}-{self._requests}", **options.pop("headers", {})}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        with _undisturbed():
            return self._client.request(method, self._url + path, headers=headers, **options)

    def prove(self, what: str, response: httpx2.Response, status: int, code: str | None = None) -> Any:
        """Check a response, print the check and return the body."""
        body = self.expect(what, response, status, code)
        self.reporter.proved(what)
        return body

    def expect(self, what: str, response: httpx2.Response, status: int, code: str | None = None) -> Any:
        """Check a response without printing, and return the body."""
        body = _body(response)
        is_as_meant = response.status_code == status and (code is None or body.get("code") == code)
        if not is_as_meant:
            self.reporter.fail(f"{what} ({status}{f' {code}' if code else ''})", _described(response))
        return body

    def check(self, what: str, condition: object, seen: object = "something else") -> None:
        """Check a condition and print the check."""
        if not condition:
            self.reporter.fail(what, str(seen))
        self.reporter.proved(what)

    def skip(self, why: str) -> None:
        """Report that the step, or the rest of it, is skipped."""
        self.reporter.skip(why)

    def soon(self, what: str, is_so: Callable[[], bool]) -> None:
        """Wait until a condition holds, and print the check."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not is_so():
            if time.monotonic() > deadline:
                self.reporter.fail(what, f"not so after {_PATIENCE_SECONDS:.0f} s")
            time.sleep(0.05)
        self.reporter.proved(what)

    def is_rejected(self, token: str) -> bool:
        """Whether both services reject an access token."""
        return all(self.send("GET", f"{at}/me", token).status_code == 401 for at in (AUTH, USERS))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Delay Ctrl-C until the response: an account created by an aborted request would not be removed."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _body(response: httpx2.Response) -> Any:
    return response.json() if "json" in response.headers.get("content-type", "") else {}


def _described(response: httpx2.Response) -> str:
    body, request = _body(response), response.request
    answer = f"{response.status_code} {body.get('code', '')}".strip()
    wait = f"; wait {response.headers['retry-after']} s" if "retry-after" in response.headers else ""
    said = f": {body['detail']}{wait} (request id {body['request_id']})" if "detail" in body else ""
    return f"{answer} from {request.method} {request.url.path}{said}"
