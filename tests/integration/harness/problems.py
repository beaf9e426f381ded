"""Checks of problem documents that several tests share."""

from typing import Any, Final

import httpx2

MEDIA_TYPE: Final = "application/problem+json"
LONGEST_REFUSAL: Final = 16_384
"""Bytes. A rejection that grows with the request would make the service an amplifier."""


def assert_problem(response: httpx2.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """Check status, form and request id of a rejection; return its document."""
    assert response.status_code == status, f"{response.status_code}: {response.text[:300]}"
    assert response.headers["content-type"] == MEDIA_TYPE
    assert response.headers["cache-control"] == "no-store"
    assert len(response.content) <= LONGEST_REFUSAL, f"a refusal of {len(response.content)} bytes"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["code"]
    assert document["type"] == "urn:doorward:problem:" + document["code"]
    assert document["request_id"] == response.headers["x-request-id"]
    assert document["title"]
    assert document["detail"]
    if code is not None:
        assert document["code"] == code, document
    return document


def assert_refused(response: httpx2.Response, *statuses: int) -> dict[str, Any]:
    """Check that a request was rejected with one of `statuses` and a problem document."""
    assert response.status_code in statuses, f"{response.status_code}: {response.text[:300]}"
    return assert_problem(response, response.status_code)


def pointers(document: dict[str, Any]) -> set[str]:
    """Return the fields that a 422 names."""
    return {one["pointer"] for one in document["errors"]}
