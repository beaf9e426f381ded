"""Errors with a status and a stable code, and their rendering as RFC 9457 problem documents."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, ClassVar, Final, Self

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from doorward_client.request_context import NO_REQUEST_ID, current_request_id, request_id_of

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:doorward:problem:"
MAX_FIELD_ERRORS: Final = 20
"""Limits the field errors of one response, which would otherwise be as long as the request."""

_MAX_POINTER_LENGTH: Final = 200


class FieldError(BaseModel):
    """One invalid field of the request."""

    pointer: str = Field(description="An RFC 6901 pointer into the body, or for example `query:limit`.")
    code: str = Field(description="The kind of error. Stable.")
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem document: the body of every response with a status of 400 or more."""

    type: str = Field(examples=[TYPE_PREFIX + "not_found"])
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable. Branch on the code, not on the texts.")
    request_id: str
    errors: list[FieldError] | None = Field(default=None, description="The invalid fields, with 422.")
    required: str | None = Field(default=None, description="With 403: the permission that is missing.")
    error: str | None = Field(default=None, description="The error code of RFC 6749, at OAuth endpoints.")


class DoorwardError(Exception):
    """An error response. Subclasses set the status and the stable code; one handler renders all of them."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    detail: ClassVar[str] = "An internal error occurred. The server's log has its cause under the request id."
    oauth_error: ClassVar[str | None] = None
    """`error` of RFC 6749 section 5.2, for OAuth client libraries, in addition to `code`."""

    extensions: Mapping[str, Any] = MappingProxyType({})
    """Further members of the problem document (RFC 9457 section 3.2)."""

    errors: Sequence[FieldError] | None = None
    """The invalid fields, where a rule rejects them that the schema does not express."""

    def __init__(self, detail: str | None = None, *, headers: Mapping[str, str] | None = None) -> None:
        self.message = detail or self.detail
        self.headers = headers
        super().__init__(self.message)


class UnavailableError(DoorwardError):
    """503: the request was valid; the caller may retry after `retry_after` seconds."""

    status = 503
    code = "unavailable"
    detail = "The service is temporarily unavailable. Try again shortly."

    def __init__(self, detail: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class NotFoundError(DoorwardError):
    """404, also for a resource that the caller may not see."""

    status = 404
    code = "not_found"
    detail = "Not found."


class InvalidBodyError(HTTPException):
    """400 for a body that is not JSON.

    A subclass of HTTPException, because FastAPI turns other errors of reading the body into its own.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(status_code=400, detail=detail)


_CODES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("invalid_json", "The body is not valid JSON."),
    404: (NotFoundError.code, NotFoundError.detail),
    405: ("method_not_allowed", "The method is not allowed here; see the Allow header."),
    408: ("request_timeout", "The body did not arrive in time."),
    413: ("content_too_large", "The body is too long."),
    415: ("unsupported_media_type", "Send application/json in UTF-8."),
    431: ("header_fields_too_large", "The header is too long."),
}
_INVALID_REQUEST: Final = ("validation_error", "The request is invalid; `errors` names each field.")


def problem_response(
    status: int,
    code: str,
    detail: str,
    *,
    request_id: str,
    headers: Mapping[str, str] | None = None,
    extensions: Mapping[str, Any] | None = None,
) -> Response:
    document: dict[str, Any] = {
        "type": TYPE_PREFIX + code,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
        **(extensions or {}),
    }
    return Response(
        json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(),
        status_code=status,
        media_type=PROBLEM_MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def status_problem(status: int, *, request_id: str, headers: Mapping[str, str] | None = None) -> Response:
    """Render the problem of an HTTP status without further details."""
    code, detail = _code_and_detail(status)
    return problem_response(status, code, detail, request_id=request_id, headers=headers)


def _code_and_detail(status: int) -> tuple[str, str]:
    return _CODES.get(status, (DoorwardError.code, DoorwardError.detail))


@dataclass(frozen=True, slots=True)
class ErrorDetails:
    """The content of an error response, whatever its format."""

    status: int
    code: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)
    oauth_error: str | None = None

    @classmethod
    def of_status(cls, status: int, headers: Mapping[str, str] | None = None) -> Self:
        """Return what an HTTP status says without further details."""
        return cls(status, *_code_and_detail(status), headers or {})


Renderer = Callable[[Request, ErrorDetails], Response]


def render_problem(request: Request, error: ErrorDetails) -> Response:
    """Render an error as a problem document."""
    oauth = {} if error.oauth_error is None else {"error": error.oauth_error}
    return problem_response(
        error.status,
        error.code,
        error.detail,
        request_id=request_id_of(request.scope),
        headers=error.headers,
        extensions={**error.extensions, **oauth},
    )


def setup_domain_errors(app: FastAPI, render: Renderer = render_problem) -> None:
    """Render every DoorwardError of `app`; its other errors stay as they are.

    Without Doorward's middleware the response also gets the request id as X-Request-ID.
    """

    async def domain_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, DoorwardError)
        response = render(request, _details_of(error))
        if current_request_id() == NO_REQUEST_ID:
            response.headers["X-Request-ID"] = request_id_of(request.scope)
        return response

    app.add_exception_handler(DoorwardError, domain_error)


def setup_error_handlers(app: FastAPI, render: Renderer = render_problem) -> None:
    """Render every error of `app`, those of FastAPI included."""

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        details = ErrorDetails.of_status(error.status_code, error.headers)
        if isinstance(error, InvalidBodyError):
            details = replace(details, detail=error.detail)
        return render(request, details)

    async def invalid_request(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = error.errors()
        if any(problem["loc"][0] == "path" for problem in errors):
            # A malformed id names no resource, like an unknown id.
            return render(request, ErrorDetails(404, *_CODES[404]))
        fields = [_field_error(problem) for problem in errors[:MAX_FIELD_ERRORS]]
        return render(request, ErrorDetails(422, *_INVALID_REQUEST, extensions={"errors": fields}))

    setup_domain_errors(app, render)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, invalid_request)


def _details_of(error: DoorwardError) -> ErrorDetails:
    fields = {} if error.errors is None else {"errors": [field.model_dump() for field in error.errors]}
    return ErrorDetails(
        error.status,
        error.code,
        error.message,
        error.headers or {},
        {**error.extensions, **fields},
        error.oauth_error,
    )


def _field_error(error: Mapping[str, Any]) -> dict[str, str]:
    """Leave out `input` and `ctx`, which quote the request (a password, for example)."""
    place, *path = error["loc"]
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return {
        "pointer": (pointer if place == "body" else f"{place}:{pointer[1:]}")[:_MAX_POINTER_LENGTH],
        "code": error["type"],
        "detail": error["msg"],
    }
