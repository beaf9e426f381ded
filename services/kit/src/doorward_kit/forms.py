"""Bodies of forms: application/x-www-form-urlencoded, and multipart/form-data with one file.

They are read in memory, because the file system of a service is read-only. How much of it is bounded by the
limit of the body (middleware.py).
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from doorward_client.errors import DoorwardError
from doorward_kit.routing import media_type_of
from doorward_kit.upload_limit import MULTIPART

T = TypeVar("T")

MAX_FIELDS: Final = 20
MAX_FIELD_BYTES: Final = 65_536

URLENCODED: Final = "application/x-www-form-urlencoded"

_BOUNDARY: Final = re.compile(rb"[0-9A-Za-z'()+_,./:=?-]{1,70}")
"""RFC 2046 section 5.1.1, without spaces."""

_UTF_8: Final = frozenset({"utf-8", "utf8"})


class InvalidFormError(DoorwardError):
    """400 for a form that cannot be read, or has too much of something."""

    status = 400
    code = "invalid_form"
    detail = "The form cannot be read."


class CrossSiteFormError(DoorwardError):
    """403 for a form that a page of another site has sent, perhaps without its reader's knowledge.

    JSON cannot be sent that way: browsers ask first (CORS preflight), and no service allows it.
    """

    status = 403
    code = "cross_site_form"
    detail = "This form was sent by a page of another site. Serve it from the site of the API, or send JSON."


@dataclass(frozen=True, slots=True)
class Form:
    """Fields by name, and files by the name of their field."""

    fields: Mapping[str, str]
    files: Mapping[str, bytes] = field(default_factory=dict)


async def read_form(request: Request) -> Form:
    """Read a form with at most MAX_FIELDS fields and one file.

    Raises InvalidFormError, CrossSiteFormError, HTTPException (415).

    A name that comes twice is an error. A file without a name and content is none: browsers send one for a
    file that was not chosen.
    """
    media_type = media_type_of(request)
    if media_type not in {URLENCODED, MULTIPART} or "content-encoding" in request.headers:
        raise HTTPException(415)
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise CrossSiteFormError
    _, parameters = parse_options_header(request.headers["content-type"])
    if parameters.get(b"charset", b"utf-8").decode("latin-1").lower() not in _UTF_8:
        raise HTTPException(415)
    if media_type == URLENCODED:
        return _parse_urlencoded(await request.body())
    boundary = parameters.get(b"boundary", b"")
    if not _BOUNDARY.fullmatch(boundary):
        raise InvalidFormError("The Content-Type header has no valid boundary.")
    return await _read_multipart(request, boundary)


def _parse_urlencoded(body: bytes) -> Form:
    if not body:
        return Form({})
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        raise InvalidFormError from None
    return Form(_unique(pairs))


class _MemoryParser(MultiPartParser):
    """Starlette's parser, without a size at which it would write files to disk."""

    spool_max_size = 0

    def __init__(self, boundary: bytes, stream: AsyncIterator[bytes]) -> None:
        # In Latin-1 every byte is a character, so that texts can be decoded strictly afterwards.
        media_type = f'{MULTIPART}; boundary="{boundary.decode("ascii")}"; charset=latin-1'
        super().__init__(
            Headers({"content-type": media_type}),
            self._require_end(stream),
            max_files=1,
            max_fields=MAX_FIELDS,
            max_part_size=MAX_FIELD_BYTES,
        )
        self._has_ended = False

    def on_end(self) -> None:
        """Note the last boundary."""
        self._has_ended = True

    async def _require_end(self, stream: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Raise MultiPartException for a form without an end, of which the parser would leave out a part."""
        async for chunk in stream:
            yield chunk
        if not self._has_ended:
            raise MultiPartException("The form is incomplete.")


async def _read_multipart(request: Request, boundary: bytes) -> Form:
    parser = _MemoryParser(boundary, request.stream())
    async with aclosing(parser.stream):
        try:
            parsed = await parser.parse()
        except MultiPartException as error:
            raise InvalidFormError(error.message) from None
    try:
        return await _read_items(parsed)
    finally:
        await parsed.close()


async def _read_items(parsed: FormData) -> Form:
    items = parsed.multi_items()
    fields = [(_text(name), _text(value)) for name, value in items if isinstance(value, str)]
    uploads = [(_text(name), value) for name, value in items if isinstance(value, UploadFile)]
    files = [(name, await upload.read()) for name, upload in uploads if upload.filename or upload.size]
    _unique([*fields, *files])
    return Form(dict(fields), dict(files))


def _text(latin_1: str) -> str:
    try:
        return latin_1.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidFormError("The form is not in UTF-8.") from None


def _unique(pairs: Sequence[tuple[str, T]]) -> dict[str, T]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise InvalidFormError("A field comes twice.")
    return found
