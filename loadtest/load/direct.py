"""Requests that are not measured: an administrator's, before a run and after it."""

import contextlib
import http.client
import json
import ssl
from typing import Any, Final
from urllib.parse import urlsplit

from load.wire import Answer, LoadError, Request

_SECONDS: Final = 30.0


class Direct:
    """Sends each request on a connection of its own: between two of them may lie a whole run."""

    def __init__(self, base_url: str, tls: ssl.SSLContext) -> None:
        self._url = urlsplit(base_url)
        self._tls = tls

    def send(self, request: Request) -> Answer:
        """Send a request and return its answer; status 0 when none comes."""
        body = None if request.body is None else json.dumps(request.body)
        headers = {"Accept": "application/json", "Content-Type": "application/json", **request.headers}
        with contextlib.closing(self._connection()) as connection:
            try:
                connection.request(request.method, self._url.path + request.path, body, headers)
                response = connection.getresponse()
                content = response.read()
            except (OSError, http.client.HTTPException) as error:
                return Answer(0, reason=str(error) or type(error).__name__)
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, names, parsed(content))

    def _connection(self) -> http.client.HTTPConnection:
        host = self._url.hostname or ""
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(host, self._url.port, timeout=_SECONDS, context=self._tls)
        return http.client.HTTPConnection(host, self._url.port, timeout=_SECONDS)


def tls_context(ca_file: str, *, insecure: bool) -> ssl.SSLContext:
    """Return what to trust: one authority, the system's, or anybody; raises LoadError for a useless file."""
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:  # ssl.SSLError among them
        raise LoadError(f"CA_FILE={ca_file} cannot be used: {error}") from None
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def parsed(content: bytes) -> Any:
    """Return the JSON of a body; None where it is none."""
    try:
        return json.loads(content) if content else None
    except ValueError:
        return None
