"""ETag, If-Match and If-None-Match (RFC 9110 section 13) ."""

import re
import zlib
from typing import Annotated, Final

from fastapi import Header

from doorward_client.errors import DoorwardError

IfMatch = Annotated[
    str | None,
    Header(max_length=1024, description="Change the resource only if its ETag is still this one."),
]
IfNoneMatch = Annotated[
    str | None, Header(max_length=1024, description="Answer 304 if the ETag is still this one.")
]

_VARIANT: Final = re.compile(r'-[0-9a-f]{8}"')
"""What `version_etag` writes behind the version: a change is meant for the version, however it was shown."""


class PreconditionFailedError(DoorwardError):
    """412: somebody else changed it in between."""

    status = 412
    code = "precondition_failed"
    detail = "The resource has changed since you read it. Read it again and repeat your change."


def quote_etag(content: str) -> str:
    """Write a strong entity tag."""
    return f'"{content}"'


def version_etag(version: int, shown: bytes | None = None) -> str:
    """Write the strong entity tag of a version.

    With `shown`, also of the answer as it is: where it shows more than the version counts, such as
    names that people change elsewhere.
    """
    return quote_etag(str(version) if shown is None else f"{version}-{zlib.crc32(shown):08x}")


def check_if_match(condition: str | None, version: int) -> None:
    """Raise PreconditionFailedError unless the condition is absent or names `version`."""
    if condition is not None and not _names(_VARIANT.sub('"', condition), version_etag(version)):
        raise PreconditionFailedError


def not_modified(condition: str | None, tag: str) -> bool:
    """Tell whether the caller already has what `tag` names (weak comparison, section 13.1.2)."""
    return condition is not None and _names(condition.replace("W/", ""), tag)


def _names(condition: str, tag: str) -> bool:
    return condition.strip() == "*" or tag in (one.strip() for one in condition.split(","))
