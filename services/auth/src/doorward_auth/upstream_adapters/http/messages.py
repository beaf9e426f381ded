"""Requests to an upstream, and its responses."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx2

from doorward_auth.upstream_adapters.base import (
    FailedError,
    Image,
    MalformedAnswerError,
    ThrottledError,
    UpstreamError,
)
from doorward_auth.upstream_adapters.http.retry_after import parse_retry_after
from doorward_auth.upstream_adapters.settings.member_types import BodyKind
from doorward_client import strict_json

_REQUEST_ID_HEADERS: Final = ("x-request-id", "x-correlation-id", "request-id", "x-github-request-id")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


@dataclass(frozen=True, slots=True, repr=False)
class Body:
    """The fields of a request, and its picture with the field's name."""

    kind: BodyKind
    fields: Mapping[str, str]
    image: tuple[str, Image] | None = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of httpx2's request."""
        if self.kind == "json":
            return {"json": dict(self.fields)}
        if self.kind == "form":
            return {"data": dict(self.fields)}
        parts: list[tuple[str, Any]] = [(name, (None, value)) for name, value in self.fields.items()]
        if self.image:
            name, image = self.image
            parts.append((name, (image.filename, image.data, image.media_type)))
        return {"files": parts}


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """An answer that was read to its end; of an error perhaps the beginning alone."""

    status: int
    content: bytes
    request_id: str | None = None
    retry_after: int | None = None
    location: str | None = None

    @classmethod
    def of(cls, response: httpx2.Response, content: bytes) -> Self:
        headers = response.headers
        return cls(
            response.status_code,
            content,
            next(_request_ids(headers), None),
            parse_retry_after(headers.get("retry-after"), headers.get("date")),
            headers.get("location"),
        )

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110 section 15.3

    def json(self) -> Any:
        """Parse the body; raises MalformedAnswerError."""
        try:
            return strict_json.loads(self.content)
        except strict_json.InvalidJsonError:
            raise self.error(MalformedAnswerError) from None

    def json_or_none(self) -> Any:
        """Parse the body of an error, which may be anything."""
        try:
            return strict_json.loads(self.content)
        except strict_json.InvalidJsonError:
            return None

    def error(self, kind: type[UpstreamError], *arguments: Any) -> UpstreamError:
        """Return an error with the answer's status and request id."""
        return kind(*arguments, status=self.status, request_id=self.request_id)

    def failure(self) -> UpstreamError:
        """Return what a status says that means nothing to the protocol."""
        if self.status == httpx2.codes.TOO_MANY_REQUESTS:
            return self.error(ThrottledError, self.retry_after)
        return self.error(FailedError)


def _request_ids(headers: Mapping[str, str]) -> Iterator[str]:
    for name in _REQUEST_ID_HEADERS:
        value = headers.get(name)
        if value and _REQUEST_ID.fullmatch(value):
            yield value
