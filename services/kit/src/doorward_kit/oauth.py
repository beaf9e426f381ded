"""Errors of OAuth 2.0 endpoints, for clients that send its forms (RFC 6749 section 5.2).

The same endpoints take JSON, and answer it with problem documents as all others do.
"""

import json
import re
from collections.abc import Collection
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from doorward_client.errors import ErrorDetails, Renderer, render_problem
from doorward_client.request_context import request_id_of
from doorward_kit.forms import URLENCODED
from doorward_kit.routing import media_type_of

_NOT_IN_DESCRIPTIONS: Final = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")
"""RFC 6749 appendix A.8: ASCII without quotation mark and backslash."""


class OAuthError(BaseModel):
    """The answer to a form that is rejected (RFC 6749 section 5.2)."""

    error: str = Field(description="The error code of RFC 6749.")
    error_description: str
    code: str = Field(description="Our own code. Stable.")
    request_id: str


_OWN_STATUSES: Final = frozenset({413, 429})
"""Rejections of the request's size and rate. The RFC has no error for them, so they keep their status."""


def renderer_for(oauth_routes: Collection[str]) -> Renderer:
    """Return what renders the errors of an application with these OAuth routes, as path templates."""
    routes = frozenset(oauth_routes)

    def render(request: Request, error: ErrorDetails) -> Response:
        route = getattr(request.scope.get("route"), "path", None)
        if route in routes and request.method == "POST" and media_type_of(request) == URLENCODED:
            return render_oauth_error(request, error)
        return render_problem(request, error)

    return render


def render_oauth_error(request: Request, error: ErrorDetails) -> Response:
    """Render an error as RFC 6749 has it, with our code, the request id and extensions as further members."""
    document = form_error(error, request_id_of(request.scope))
    return Response(
        json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(),
        status_code=form_status(error),
        media_type="application/json",
        headers={"Cache-Control": "no-store", **error.headers},
    )


def form_error(error: ErrorDetails, request_id: str) -> dict[str, Any]:
    """Return an OAuthError."""
    return {
        "error": _error_of(error),
        "error_description": _NOT_IN_DESCRIPTIONS.sub("'", error.detail),
        "code": error.code,
        "request_id": request_id,
        **error.extensions,
    }


def form_status(error: ErrorDetails) -> int:
    """Return the status with which an error answers a form."""
    if error.oauth_error == "invalid_client":
        return 401
    is_of_client = error.status < HTTPStatus.INTERNAL_SERVER_ERROR and error.status not in _OWN_STATUSES
    return 400 if is_of_client else error.status


def _error_of(error: ErrorDetails) -> str:
    if error.oauth_error is not None:
        return error.oauth_error
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        return error.code
    if error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return "invalid_request"
    # Of section 4.1.2.1, because section 5.2 has no error for a failure of the server.
    is_temporary = error.status == HTTPStatus.SERVICE_UNAVAILABLE
    return "temporarily_unavailable" if is_temporary else "server_error"
