"""Requests that are measured: each answer is judged, and counted in the row of its route."""

import logging
from typing import Final

from locust.contrib.fasthttp import FastHttpSession

from load.direct import parsed
from load.thresholds import row_name
from load.wire import EDGE_LIMIT, Answer, Request

_UNAUTHORIZED: Final = 401
_MOST_LINES: Final = 20

log = logging.getLogger("load")


class Measured:
    """Sends requests through locust's client, as one user."""

    _lines = 0

    def __init__(self, client: FastHttpSession) -> None:
        self._client = client

    def send(self, request: Request) -> Answer:
        """Send a request and return its answer; status 0 when none comes."""
        with self._client.request(
            request.method,
            request.path,
            name=request.template,
            json=request.body,
            headers=dict(request.headers),
            catch_response=True,
        ) as response:
            names = {name.lower(): value for name, value in (response.headers or {}).items()}
            reason = "" if response.status_code else str(response.error)
            answer = Answer(response.status_code, names, parsed(response.content or b""), reason)
            if answer.ok or answer.status in request.expected:
                response.success()
            elif answer.is_refusal and (request.refusable or answer.code == EDGE_LIMIT):
                response.request_meta["name"] = row_name(request.template, refused=answer.code)
                response.success()
            elif answer.status == _UNAUTHORIZED and request.token_is_over():
                response.request_meta["name"] = row_name(request.template, expired=True)
                response.success()
            else:
                self._tell(request, answer)
                if answer.status:
                    response.failure(str(answer))
        return answer

    @classmethod
    def _tell(cls, request: Request, answer: Answer) -> None:
        """Name the first errors by their request id, by which the logs of the other side have them."""
        cls._lines += 1
        if cls._lines <= _MOST_LINES:
            request_id = answer.headers.get("x-request-id", "none")
            log.warning("%s: %s (request id %s)", request.route, answer, request_id)
