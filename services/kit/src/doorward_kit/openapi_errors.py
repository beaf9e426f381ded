"""The errors of each operation in OpenAPI: which statuses, and which codes and texts under each.

A service ships the codes of its operations as `errors.json`, which `make docs` writes from its code. What
each code means is in the error classes.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Final, NamedTuple

from doorward_client.errors import (
    PROBLEM_MEDIA_TYPE,
    TYPE_PREFIX,
    DoorwardError,
    ErrorDetails,
    status_problem,
)
from doorward_kit.oauth import form_error, form_status

FILE: Final = "errors.json"
VALIDATION_CODE: Final = "validation_error"

_SCHEMAS: Final = "#/components/schemas/"
_REQUEST_ID: Final = "01979d5e-9a1c-7e4b-8f0a-2d6c4b1e7a55"


OperationErrors = Callable[[], Mapping[str, Sequence[str]]]
"""Returns the codes of a service's operations, by operation id."""


class ErrorText(NamedTuple):
    """The description of an answer with an error code."""

    status: int
    code: str
    detail: str
    oauth_error: str | None = None


def no_errors() -> Mapping[str, Sequence[str]]:
    """Return no codes: the errors of a service without the file stay unnamed."""
    return {}


def load_errors(package: str) -> Mapping[str, Sequence[str]]:
    """Return the codes of a service's operations, by operation id."""
    found: Mapping[str, Sequence[str]] = json.loads(files(package).joinpath(FILE).read_text(encoding="utf-8"))
    return found


def error_texts() -> Mapping[str, ErrorText]:
    """Return what all loaded errors say, by code; of several with one code, the base class."""
    invalid = "The request is invalid; `errors` names each field."
    texts = {VALIDATION_CODE: ErrorText(422, VALIDATION_CODE, invalid)}
    for status in (status for status in HTTPStatus if status >= HTTPStatus.BAD_REQUEST):
        problem = json.loads(bytes(status_problem(status, request_id="-").body))
        texts.setdefault(problem["code"], ErrorText(status.value, problem["code"], problem["detail"]))
    for error in _classes(DoorwardError):
        texts.setdefault(error.code, ErrorText(error.status, error.code, error.detail, error.oauth_error))
    return texts


def add_errors(
    operation: dict[str, Any],
    codes: Iterable[str],
    texts: Mapping[str, ErrorText],
    examples: dict[str, Any],
    *,
    answers_forms: bool,
) -> None:
    """Replace the responses 4XX and 5XX of an operation by one for each status, with an example a code."""
    responses = operation["responses"]
    for pattern in ("4XX", "5XX", "422"):
        responses.pop(pattern, None)
    for text in sorted(texts[code] for code in codes):
        _add(responses, text.status, text, PROBLEM_MEDIA_TYPE, "Problem")
        examples[text.code] = {"summary": text.detail, "value": _problem(text)}
        if answers_forms:
            details = ErrorDetails(text.status, text.code, text.detail, oauth_error=text.oauth_error)
            _add(responses, form_status(details), text, "application/json", "OAuthError", prefix="oauth_")
            examples[f"oauth_{text.code}"] = {
                "summary": text.detail,
                "value": form_error(details, _REQUEST_ID),
            }
    _describe(responses, texts)


def _add(
    responses: dict[str, Any], status: int, text: ErrorText, media_type: str, schema: str, *, prefix: str = ""
) -> None:
    response = responses.setdefault(str(status), {})
    content = response.setdefault("content", {}).setdefault(
        media_type, {"schema": {"$ref": _SCHEMAS + schema}}
    )
    name = prefix + text.code
    content.setdefault("examples", {})[text.code] = {"$ref": f"#/components/examples/{name}"}


def add_pages(operation: dict[str, Any]) -> None:
    """Say that a browser may get the errors of an operation as pages."""
    for status, response in operation["responses"].items():
        if status.startswith(("4", "5")):
            response["content"]["text/html"] = {"schema": {"type": "string"}}


def _describe(responses: dict[str, Any], texts: Mapping[str, ErrorText]) -> None:
    """Write each code with its text: what a reader sees first."""
    for response in responses.values():
        contents = response.get("content", {}).values()
        codes = dict.fromkeys(code for content in contents for code in content.get("examples", {}))
        if codes and codes.keys() <= texts.keys():
            response["description"] = "\n".join(f"- `{code}`: {texts[code].detail}" for code in codes)


def _problem(text: ErrorText) -> dict[str, Any]:
    oauth = {} if text.oauth_error is None else {"error": text.oauth_error}
    return {
        "type": TYPE_PREFIX + text.code,
        "title": HTTPStatus(text.status).phrase,
        "status": text.status,
        "detail": text.detail,
        "code": text.code,
        "request_id": _REQUEST_ID,
        **oauth,
    }


def _classes(base: type[DoorwardError]) -> Iterable[type[DoorwardError]]:
    yield base
    for subclass in base.__subclasses__():
        yield from _classes(subclass)
