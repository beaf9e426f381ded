"""The types of members in DOORWARD_UPSTREAMS_FILE: pointers, names, URLs, and secrets that are elsewhere."""

import os
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, SecretStr, StringConstraints

from doorward_auth.upstream_adapters.json_pointer import JsonPointer
from doorward_auth.upstream_adapters.picture_hosts import check_picture_host

_MAX_SECRET_LENGTH: Final = 4096
_HTTP_HEADERS: Final = frozenset(
    {"accept-encoding", "connection", "content-length", "content-type", "expect", "host", "te"}
    | {"trailer", "transfer-encoding", "upgrade"}
)


def _pointer(value: object) -> JsonPointer:
    if isinstance(value, JsonPointer):
        return value
    if not isinstance(value, str):
        raise ValueError('is no JSON pointer (RFC 6901): write one like "/user/id"')  # noqa: TRY004 - as pydantic wants it
    return JsonPointer(value)


def _secret(text: str) -> str:
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret or len(secret) > _MAX_SECRET_LENGTH or not (secret.isascii() and secret.isprintable()):
        raise ValueError(f"holds no secret of 1 to {_MAX_SECRET_LENGTH} printable ASCII characters")
    return secret


def _secret_of_file(path: object) -> str:
    try:
        return _secret(Path(str(path)).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"names a file that cannot be read: {path} ({error})") from None


def _secret_of_variable(name: object) -> str:
    if str(name) not in os.environ:
        raise ValueError(f"names an environment variable that is not set: {name}")
    return _secret(os.environ[str(name)])


def _settable_header(name: str) -> str:
    if name.lower() in _HTTP_HEADERS:
        raise ValueError("is a header that HTTP itself needs: write another")
    return name


Pointer = Annotated[JsonPointer, PlainValidator(_pointer)]
SecretOfFile = Annotated[SecretStr, BeforeValidator(_secret_of_file)]
SecretOfVariable = Annotated[SecretStr, BeforeValidator(_secret_of_variable)]
UrlPath = Annotated[str, StringConstraints(pattern=r"^/[!-\"$-~]{0,255}$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^[ -~]{1,64}$")]
ClaimName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
HeaderName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$"), AfterValidator(_settable_header)
]
Scope = Annotated[str, StringConstraints(pattern=r"^[!#-\[\]-~]{1,128}$")]
RedirectUri = Annotated[
    str,
    StringConstraints(
        max_length=512,
        pattern=r"^(https://[!-\"$-~]+|http://(127\.0\.0\.1|\[::1\])(:\d{1,5})?/[!-\"$-~]*|[a-z][a-z0-9+.-]*\.[a-z0-9+.-]*:/[!-\"$-~]+)$",
    ),
]
"""HTTPS, a loopback address (RFC 8252 section 7.3), or a private-use scheme (section 7.1)."""
Scopes = Annotated[tuple[Scope, ...], Field(max_length=32)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=512)]
PictureHost = Annotated[
    str, StringConstraints(to_lower=True, max_length=260), AfterValidator(check_picture_host)
]
Title = Annotated[str, StringConstraints(pattern=r"^\S(.{0,38}\S)?$")]
BodyKind = Literal["multipart", "form", "json"]
