"""Headers with bytes that no specification allows are no internal error, on every route of every service."""

import base64
import json
import re
import uuid
from typing import Any, Final

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from integration.harness.installation import Installation
from integration.harness.people import People
from integration.harness.problems import assert_oauth_error
from integration.oidc.provider import COOKIE, VERIFIER
from integration.security.expectations import BODIES

pytestmark = pytest.mark.databases("sqlite")  # no header is read by a database

BYTES: Final = (b"\xff", "é".encode(), b"\xed\xa0\x80", b"\xc0\xaf")
AUTHORIZATIONS: Final = (
    *(scheme + b" " + value for scheme in (b"Basic", b"Bearer") for value in BYTES),
    *BYTES,
    b"Basic " + base64.b64encode(b"\xff\xfe:\xff"),
    b"Basic " + base64.b64encode("é:é".encode()),
    b"Basic " + b"=" * 40,
    b"Basic",
    b"Bearer " + b".".join([b"\xe9" * 8] * 3),
    b"Bearer " + b".".join([base64.b64encode(b"[" * 3_000)] * 3),
)
READ: Final = (
    b"accept",
    b"accept-language",
    b"captcha-token",
    b"content-type",
    b"doorward-csrf",
    b"forwarded",
    b"idempotency-key",
    b"if-match",
    b"if-none-match",
    b"last-event-id",
    b"origin",
    b"sec-fetch-site",
    b"user-agent",
    b"x-forwarded-for",
    b"x-forwarded-proto",
    b"x-request-id",
)
"""The headers that a service reads, but Authorization and Cookie."""

COOKIES: Final = (
    COOKIE,
    *(
        f"{prefix}doorward_{name}"
        for prefix in ("__Host-", "__Secure-", "")
        for name in ("form", "device", "language", "registration", "upstream", "refresh_console")
    ),
)


def _in_base64(document: object) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=")


COOKIE_VALUES: Final = (
    *BYTES,
    _in_base64(["\ud800", VERIFIER, None]),
    _in_base64(["x", VERIFIER, "\ud800"]),
    _in_base64({}),
    base64.urlsafe_b64encode(b"[" * 2_400),
)


def _operations(service: str, app: FastAPI) -> list[tuple[str, str, str]]:
    return [
        (service, method, route.path)
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    ]


def _all_operations() -> list[tuple[str, str, str]]:
    """Name every operation, those of pages included, which no OpenAPI document has."""
    installation = Installation("sqlite://")  # never connected
    return [
        *_operations("auth", installation.auth_app),
        *_operations("users", installation.users_app),
        *_operations("tickets", installation.tickets_app),
    ]


class Sender:
    """Sends requests to one operation."""

    def __init__(self, installation: Installation, people: People, operation: tuple[str, str, str]) -> None:
        service, self._method, path = operation
        self._client = getattr(installation, service)
        self._path = re.sub(r"\{\w+(:\w+)?\}", str(uuid.uuid4()), path)
        self._token = people.admin.access.encode()
        body = BODIES.get((self._method, path))
        self._content: dict[str, Any] = {} if body is None else {"json": body}

    def send(self, *headers: tuple[bytes, bytes], is_signed_in: bool = False) -> httpx2.Response:
        """Send headers; fails the test for an answer that says that the service failed."""
        sent = [*headers, (b"authorization", b"Bearer " + self._token)] if is_signed_in else list(headers)
        response: httpx2.Response = self._client.request(
            self._method, self._path, headers=sent, follow_redirects=False, **self._content
        )
        assert response.status_code < 500 or response.status_code == 503, (headers, response.text)
        return response


@pytest.fixture(params=_all_operations(), ids=" ".join)
def sender(request: pytest.FixtureRequest, idp: Installation, people: People) -> Sender:
    return Sender(idp, people, request.param)


def test_no_header_is_an_internal_error(sender: Sender) -> None:
    for value in AUTHORIZATIONS:
        sender.send((b"authorization", value))
    for name in READ:
        sender.send((name, b"\xff"), is_signed_in=name != b"content-type")
    for value in BYTES:
        sender.send(*((name, value) for name in READ if name != b"content-type"), is_signed_in=True)
    for value in COOKIE_VALUES:
        cookies = b"; ".join(name.encode() + b"=" + value for name in COOKIES)
        sender.send((b"cookie", cookies), (b"doorward-csrf", b"console"), (b"sec-fetch-site", b"same-origin"))


@pytest.mark.parametrize("value", BYTES)
def test_credentials_that_are_not_ascii_are_of_no_client(idp: Installation, value: bytes) -> None:
    for path in ("token", "introspect", "revoke"):
        response = idp.auth.post(
            f"/api/v1/auth/{path}",
            data={"grant_type": "authorization_code", "token": "x", "code": "x", "redirect_uri": "x"},
            headers=[(b"authorization", b"Basic " + value)],
        )
        assert_oauth_error(response, 401, "invalid_client")
