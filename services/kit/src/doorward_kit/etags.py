"""ETag, If-Match and If-None-Match (RFC 9110 section 13)."""

import re
import zlib
from typing import Annotated, Final

from fastapi import Header

from doorward_client.errors import DoorwardError

IfMatch = Annotated[
    str | None,
    Header(max_length=1024, description="Change the resource only if its ETag still matches."),
]
IfNoneMatch = Annotated[
    str | None, Header(max_length=1024, description="Answer 304 if the ETag still matches.")
]

_VARIANT: Final = re.compile(r'-[0-9a-f]{8}"')
"""The suffix of `version_etag`, which If-Match ignores: a change is about a version, not its rendering."""


class PreconditionFailedError(DoorwardError):
    """412: another request has changed the resource."""

    status = 412
    code = "precondition_failed"
    detail = "The resource has changed since you read it. Read it again, then repeat your change."


def quote_etag(content: str) -> str:
    """Return a strong entity tag."""
    return f'"{content}"'


def version_etag(version: int, body: bytes | None = None) -> str:
    """Return the strong entity tag of a version.

    `body` adds a checksum of the response, for responses with data that the version does not cover, such
    as the names of other users.
    """
    return quote_etag(str(version) if body is None else f"{version}-{zlib.crc32(body):08x}")


def check_if_match(condition: str | None, version: int) -> None:
    """Raise PreconditionFailedError if the condition is present and does not match `version`."""
    if condition is not None and not _matches(_VARIANT.sub('"', condition), version_etag(version)):
        raise PreconditionFailedError


def not_modified(condition: str | None, tag: str) -> bool:
    """Check whether the caller has the current version (weak comparison, section 13.1.2)."""
    return condition is not None and _matches(condition.replace("W/", ""), tag)


def _matches(condition: str, tag: str) -> bool:
    return condition.strip() == "*" or tag in (candidate.strip() for candidate in condition.split(","))
