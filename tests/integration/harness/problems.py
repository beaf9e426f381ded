"""Checks of problem documents that several tests share."""

import re
from typing import Any, Final

import httpx2

MEDIA_TYPE: Final = "application/problem+json"
DESCRIPTION: Final = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")
"""RFC 6749 section 5.2."""

LONGEST_REJECTION: Final = 16_384
"""Bytes. A rejection that grows with the request would make the service an amplifier."""


def assert_problem(response: httpx2.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """Check status, form and request id of a rejection; return its document."""
    assert response.status_code == status, f"{response.status_code}: {response.text[:300]}"
    assert response.headers["content-type"] == MEDIA_TYPE
    assert response.headers["cache-control"] == "no-store"
    assert len(response.content) <= LONGEST_REJECTION, f"a rejection of {len(response.content)} bytes"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["code"]
    assert document["type"] == "urn:doorward:problem:" + document["code"]
    assert document["request_id"] == response.headers["x-request-id"]
    assert document["title"]
    assert document["detail"]
    if code is not None:
        assert document["code"] == code, document
    for error in document.get("errors", []):
        # Our own words and codes, and not those of a library around them.
        assert not error["detail"].startswith(("Value error", "Assertion failed")), error
        assert error["code"] not in {"value_error", "assertion_error"}, error
    return document


def assert_oauth_error(response: httpx2.Response, status: int, error: str) -> dict[str, Any]:
    """Check a rejection of an OAuth form by RFC 6749 section 5.2; return its document."""
    assert response.status_code == status, f"{response.status_code}: {response.text[:300]}"
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert len(response.content) <= LONGEST_REJECTION, f"a rejection of {len(response.content)} bytes"
    document: dict[str, Any] = response.json()
    assert document["error"] == error, document
    assert DESCRIPTION.fullmatch(document["error_description"])
    assert document["request_id"] == response.headers["x-request-id"]
    return document


def assert_rejected(response: httpx2.Response, *statuses: int) -> dict[str, Any]:
    """Check that a request was rejected with one of `statuses` and a problem document."""
    assert response.status_code in statuses, f"{response.status_code}: {response.text[:300]}"
    return assert_problem(response, response.status_code)


def pointers(document: dict[str, Any]) -> set[str]:
    """Return the fields that a 422 names."""
    return {error["pointer"] for error in document["errors"]}
