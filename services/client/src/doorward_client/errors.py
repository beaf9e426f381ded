"""Refusals, and the one place that renders them as RFC 9457 problem documents."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, ClassVar, Final

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from doorward_client.request_context import current_request_id

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:doorward:problem:"
MAX_FIELD_ERRORS: Final = 20
"""Fields named in one answer: somebody who sends thousands of wrong ones gets no essay back."""

_MAX_POINTER_LENGTH: Final = 200


class FieldError(BaseModel):
    """One field of the request that did not pass."""

    pointer: str = Field(description="Where: an RFC 6901 pointer into the body, or `query:limit`.")
    code: str = Field(description="The kind of error, stable.")
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem document: the body of every answer from 400 up."""

    type: str = Field(examples=[TYPE_PREFIX + "not_found"])
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable; branch on this, not on the texts.")
    request_id: str
    errors: list[FieldError] | None = Field(default=None, description="Present with 422.")
    required: str | None = Field(default=None, description="With 403: the permission that is missing.")
    error: str | None = Field(default=None, description="RFC 6749's name for it, at OAuth endpoints.")


class DoorwardError(Exception):
    """A refusal. Subclasses set the status and the stable code; services raise, nobody catches."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    detail: ClassVar[str] = "The server failed to answer. The request id finds the cause in its log."
    oauth_error: ClassVar[str | None] = None
    """`error` of RFC 6749 section 5.2, for OAuth client libraries, beside our own `code`."""

    extensions: Mapping[str, Any] = MappingProxyType({})
    """Further members of the problem document (RFC 9457 section 3.2)."""

    errors: Sequence[FieldError] | None = None
    """The fields that are wrong, where a rule and not the schema says so."""

    def __init__(self, detail: str | None = None, *, headers: Mapping[str, str] | None = None) -> None:
        self.message = detail or self.detail
        self.headers = headers
        super().__init__(self.message)


class UnavailableError(DoorwardError):
    """503: the request was right and may be repeated after `retry_after` seconds."""

    status = 503
    code = "unavailable"
    detail = "The service cannot answer right now. Try again shortly."

    def __init__(self, detail: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class NotFoundError(DoorwardError):
    """404, also for what the caller may not know about."""

    status = 404
    code = "not_found"
    detail = "There is nothing at this address."


class InvalidBodyError(HTTPException):
    """400 for a body that is not JSON.

    An HTTPException because FastAPI reads the body inside a try block that lets only those pass.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(status_code=400, detail=detail)


_CODES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("invalid_json", "The body is not acceptable JSON."),
    404: (NotFoundError.code, NotFoundError.detail),
    405: ("method_not_allowed", "This address does not take this method; see the Allow header."),
    413: ("content_too_large", "The body is longer than this service takes."),
    415: ("unsupported_media_type", "Send application/json in UTF-8."),
    431: ("header_fields_too_large", "The header is longer than this service takes."),
}


def problem_response(
    status: int,
    code: str,
    detail: str,
    *,
    request_id: str,
    headers: Mapping[str, str] | None = None,
    extensions: Mapping[str, Any] | None = None,
) -> Response:
    """Render one problem document."""
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
        orjson.dumps(document),
        status_code=status,
        media_type=PROBLEM_MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def status_problem(status: int, *, request_id: str, headers: Mapping[str, str] | None = None) -> Response:
    """Render the problem that a bare HTTP status stands for."""
    code, detail = _CODES.get(status, (DoorwardError.code, DoorwardError.detail))
    return problem_response(status, code, detail, request_id=request_id, headers=headers)


def setup_domain_errors(app: FastAPI) -> None:
    """Make every DoorwardError of `app` a problem document, and leave its other errors as they are."""

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, DoorwardError)
        return problem_response(
            error.status,
            error.code,
            error.message,
            request_id=current_request_id(),
            headers=error.headers,
            extensions=_extensions_of(error),
        )

    app.add_exception_handler(DoorwardError, refused)


def setup_error_handlers(app: FastAPI) -> None:
    """Make every refusal of `app` a problem document."""

    async def http_error(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if isinstance(error, InvalidBodyError):
            return problem_response(400, _CODES[400][0], error.detail, request_id=current_request_id())
        return status_problem(error.status_code, request_id=current_request_id(), headers=error.headers)

    async def invalid_request(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = error.errors()
        if any(one["loc"][0] == "path" for one in errors):
            # An id of the wrong shape names nothing, as does a well-formed one that nobody has.
            return status_problem(404, request_id=current_request_id())
        return problem_response(
            422,
            "validation_error",
            "The request does not have the expected shape; `errors` names each field.",
            request_id=current_request_id(),
            extensions={"errors": [_field_error(one) for one in errors[:MAX_FIELD_ERRORS]]},
        )

    setup_domain_errors(app)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, invalid_request)


def _extensions_of(error: DoorwardError) -> dict[str, Any]:
    extensions = dict(error.extensions)
    if error.errors is not None:
        extensions["errors"] = [one.model_dump() for one in error.errors]
    if error.oauth_error is not None:
        extensions["error"] = error.oauth_error
    return extensions


def _field_error(error: Mapping[str, Any]) -> dict[str, str]:
    """Keep where and why; drop `input` and `ctx`, which quote what was sent (a password, say)."""
    place, *path = error["loc"]
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return {
        "pointer": (pointer if place == "body" else f"{place}:{pointer[1:]}")[:_MAX_POINTER_LENGTH],
        "code": error["type"],
        "detail": error["msg"],
    }
