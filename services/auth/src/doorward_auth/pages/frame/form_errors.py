"""The errors of a form, in the language of the visitor, at the fields that they are about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError

from doorward_client.errors import DoorwardError
from doorward_ui.texts import Texts

_MINUTE: Final = 60
_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class FormErrors:
    """Why a form is shown again."""

    status: int
    problem: str | None = None
    """About the form as a whole."""
    errors: Mapping[str, str] = field(default_factory=dict)
    """By field."""
    headers: Mapping[str, str] = field(default_factory=dict)


def form_errors_of(error: DoorwardError, texts: Texts, field_of_code: Mapping[str, str]) -> FormErrors:
    """Return what an error of a service says; `field_of_code` names the field of an error that is of one."""
    headers = {name: value for name, value in (error.headers or {}).items() if name == "Retry-After"}
    if error.errors:
        found = {
            field.pointer.removeprefix("/"): _field_text(texts, field.code, field.detail)
            for field in error.errors
        }
        return FormErrors(error.status, errors=found, headers=headers)
    text = text_of(texts, error.code, error.message, headers.get("Retry-After"))
    if error.code in field_of_code:
        return FormErrors(error.status, errors={field_of_code[error.code]: text}, headers=headers)
    return FormErrors(error.status, problem=text, headers=headers)


def form_errors_of_validation(error: ValidationError, texts: Texts) -> FormErrors:
    """Return what a model says about the fields of a form."""
    found: dict[str, str] = {}
    for problem in error.errors(include_url=False, include_input=False):
        name = str(problem["loc"][0]) if problem["loc"] else ""
        found.setdefault(name, _field_text(texts, problem["type"], problem["msg"]))
    return FormErrors(422, errors=found)


def text_of(
    texts: Texts,
    code: str,
    detail: str,
    retry_after: str | None = None,
    values: Mapping[str, object] = MappingProxyType({}),
) -> str:
    """Return the text of an error's code, with `values` in it; `detail` in English if there is none."""
    key = f"error.{code}"
    if not texts.has(key) and code.startswith("upstream_"):
        key = "error.upstream"
    if not texts.has(key):
        return detail
    return texts(key, wait=wait_text(texts, int(retry_after or 1)), **values)


def wait_text(texts: Texts, seconds: int) -> str:
    """Return a time to wait in words, rounded up."""
    for unit, length in (("hour", _HOUR), ("minute", _MINUTE), ("second", 1)):
        count = -(-seconds // length)
        if seconds >= length:
            return texts(f"wait.{unit}") if count == 1 else texts(f"wait.{unit}s", count=count)
    return texts("wait.second")


def _field_text(texts: Texts, code: str, detail: str) -> str:
    for key in _keys(code):
        if texts.has(key):
            return texts(key)
    return detail


def _keys(code: str) -> Iterable[str]:
    yield f"field.{code}"
    # An empty field is left out, and a blank one is too short.
    if code in {"missing", "string_too_short"}:
        yield "field.required"
