"""Measured requests: each response is classified and counted in the row of its route."""

import logging
from typing import Final

from locust.contrib.fasthttp import FastHttpSession

from load.http_client import EDGE_LIMIT, Request, Response, parse_json
from load.thresholds import row_name

_UNAUTHORIZED: Final = 401
_MAX_LOGGED_ERRORS: Final = 20

log = logging.getLogger("load")


class LocustClient:
    """Sends requests through locust's client, as one user."""

    _logged_errors = 0

    def __init__(self, client: FastHttpSession) -> None:
        self._client = client

    def send(self, request: Request) -> Response:
        """Return the response; status 0 when none arrives."""
        with self._client.request(
            request.method,
            request.path,
            name=request.template,
            json=request.body,
            headers=dict(request.headers),
            catch_response=True,
        ) as result:
            names = {name.lower(): value for name, value in (result.headers or {}).items()}
            reason = "" if result.status_code else str(result.error)
            response = Response(result.status_code, names, parse_json(result.content or b""), reason)
            if response.ok or response.status in request.expected:
                result.success()
            elif response.is_rejection and (request.may_be_rejected or response.code == EDGE_LIMIT):
                result.request_meta["name"] = row_name(request.template, rejected=response.code)
                result.success()
            elif response.status == _UNAUTHORIZED and request.token_expired():
                result.request_meta["name"] = row_name(request.template, expired=True)
                result.success()
            else:
                self._log_error(request, response)
                if response.status:
                    result.failure(str(response))
        return response

    @classmethod
    def _log_error(cls, request: Request, response: Response) -> None:
        """Log the first errors with their request id, which is also in the installation's logs."""
        cls._logged_errors += 1
        if cls._logged_errors <= _MAX_LOGGED_ERRORS:
            request_id = response.headers.get("x-request-id", "none")
            log.warning("%s: %s (request id %s)", request.route, response, request_id)
