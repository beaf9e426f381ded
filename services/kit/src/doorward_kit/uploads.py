"""Routes that take an image: as the whole body, or as a file in a form with other fields.

Only their bodies may be longer than others (upload_limit.py).
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import orjson
from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Message, Scope

from doorward_kit.forms import URLENCODED, InvalidFormError, read_form
from doorward_kit.routing import Handler, StrictRequest, media_type_of, require_json
from doorward_kit.upload_limit import IMAGE_TYPES, MULTIPART, UploadRoute

FILE_FIELD: Final = "image"
"""The field of the file in every form."""

_SCOPE_KEY: Final = "doorward.image"
_BINARY: Final = {"type": "string", "format": "binary"}


class FormRoute(UploadRoute):
    """A route with a JSON body that also takes the form that says the same, and an image with it.

    The form becomes the JSON object of its fields, so one model checks both. An empty field is none, because
    HTML forms cannot leave one out.
    """

    def get_route_handler(self) -> Handler:
        handle = APIRoute.get_route_handler(self)

        async def handle_either(request: Request) -> Any:
            if media_type_of(request) not in {MULTIPART, URLENCODED}:
                require_json(request)
                return await handle(StrictRequest(request.scope, request.receive))
            form = await read_form(request)
            if form.files.keys() - {FILE_FIELD}:
                raise InvalidFormError(f"The only file is `{FILE_FIELD}`.")
            fields = {name: value for name, value in form.fields.items() if value}
            image = form.files.get(FILE_FIELD)
            return await handle(_FormAsJson(request.scope, orjson.dumps(fields), image))

        return handle_either


class _FormAsJson(StrictRequest):
    """The request that a client would have sent with JSON."""

    def __init__(self, scope: Scope, body: bytes, image: bytes | None) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
        headers.append((b"content-type", b"application/json"))
        super().__init__({**scope, "headers": headers, _SCOPE_KEY: image}, _receive_nothing)
        self._body = body


async def _receive_nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _form_image(request: Request) -> bytes | None:
    image: bytes | None = request.scope.get(_SCOPE_KEY)
    return image


async def _uploaded_image(request: Request) -> bytes:
    media_type = media_type_of(request)
    if media_type in IMAGE_TYPES and "content-encoding" not in request.headers:
        return await request.body()
    if media_type != MULTIPART:
        raise HTTPException(415)
    form = await read_form(request)
    if form.fields or form.files.keys() != {FILE_FIELD}:
        raise InvalidFormError(f"The form must have one file, `{FILE_FIELD}`, and nothing else.")
    return form.files[FILE_FIELD]


FormImage = Annotated[bytes | None, Depends(_form_image)]
"""The image of a FormRoute, None without one."""

UploadedImage = Annotated[bytes, Depends(_uploaded_image)]
"""The image of an UploadRoute; its declared type is not checked against its content here."""

UPLOAD_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            **{media_type: {"schema": _BINARY} for media_type in IMAGE_TYPES},
            MULTIPART: {
                "schema": {"type": "object", "required": [FILE_FIELD], "properties": {FILE_FIELD: _BINARY}}
            },
        },
    }
}
"""`openapi_extra` of a route with UploadedImage."""


def form_body(*required: str, optional: Sequence[str] = ()) -> dict[str, Any]:
    """Return `openapi_extra` of a FormRoute with these text fields."""
    fields = {name: {"type": "string"} for name in (*required, *optional)}
    schema = {"type": "object", "required": list(required), "properties": fields}
    with_image = {**schema, "properties": {**fields, FILE_FIELD: _BINARY}}
    content = {MULTIPART: {"schema": with_image}, URLENCODED: {"schema": schema}}
    return {"requestBody": {"content": content}}
