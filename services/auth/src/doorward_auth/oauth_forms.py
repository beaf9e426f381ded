"""Reading the forms that OAuth2 clients send (RFC 6749 appendix B)."""

from typing import Any, Final

from fastapi import Request
from starlette.datastructures import UploadFile

FORM_MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
_MAX_FIELDS: Final = 10


def is_form(request: Request) -> bool:
    """Tell whether the body says that it is a form."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM_MEDIA_TYPE


async def read_form(request: Request) -> dict[str, str]:
    """Read a form's fields.

    A field given twice is read differently by the next parser: it counts as missing (RFC 6749
    section 3.2).
    """
    async with request.form(max_files=0, max_fields=_MAX_FIELDS) as form:
        fields = {name: form.getlist(name) for name in form}
    return {
        name: values[0]
        for name, values in fields.items()
        if len(values) == 1 and not isinstance(values[0], UploadFile)
    }


def form_body(schema: dict[str, Any]) -> dict[str, Any]:
    """Describe a form for OpenAPI."""
    return {"requestBody": {"required": True, "content": {FORM_MEDIA_TYPE: {"schema": schema}}}}
