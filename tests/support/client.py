"""A small client of the API for end-to-end tests."""

import ssl
from types import TracebackType
from typing import Any, Self

import httpx2

from support.services import Admin

AUTH = "/api/v1/auth"
USERS = "/api/v1/users"
TICKETS = "/api/v1/tickets"


class Client:
    """Calls the API at a base URL, with a bearer token after login()."""

    def __init__(
        self, base_url: str, *, tls: ssl.SSLContext | None = None, source: str | None = None
    ) -> None:
        self.base_url = base_url
        self.tokens: dict[str, Any] = {}
        self._tls = tls
        self._source = source
        # The environment is ignored, because a proxy variable must not redirect requests.
        self.http = httpx2.Client(
            base_url=base_url,
            transport=httpx2.HTTPTransport(
                verify=tls if tls is not None else True, local_address=source, trust_env=False
            ),
            timeout=15.0,
            trust_env=False,
        )

    def login(self, email: str, password: str) -> Self:
        """Log in and use the access token from now on; fails if the login is rejected."""
        response = self.post(f"{AUTH}/token", json={"email": email, "password": password})
        assert response.status_code == 200, response.text
        return self.use(response.json())

    def login_as(self, account: Admin) -> Self:
        """Log in with an account's email and password."""
        return self.login(account.email, account.password)

    def use(self, tokens: dict[str, Any]) -> Self:
        """Use the tokens of a login or a refresh from now on."""
        self.tokens = tokens
        return self.bearer(str(tokens["access_token"]))

    def bearer(self, token: str) -> Self:
        """Send any text as access token from now on."""
        self.http.headers["Authorization"] = f"Bearer {token}"
        return self

    def anonymous(self) -> "Client":
        """Return a client of the same address without a token; the caller closes it."""
        return Client(self.base_url, tls=self._tls, source=self._source)

    def get(self, path: str, **options: Any) -> httpx2.Response:
        """Send GET."""
        return self.http.get(path, **options)

    def post(self, path: str, **options: Any) -> httpx2.Response:
        """Send POST."""
        return self.http.post(path, **options)

    def put(self, path: str, **options: Any) -> httpx2.Response:
        """Send PUT."""
        return self.http.put(path, **options)

    def patch(self, path: str, **options: Any) -> httpx2.Response:
        """Send PATCH."""
        return self.http.patch(path, **options)

    def delete(self, path: str, **options: Any) -> httpx2.Response:
        """Send DELETE."""
        return self.http.delete(path, **options)

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def assert_problem(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """Check that a response is a complete RFC 9457 document with this code; return the document."""
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    assert response.headers["content-type"].split(";")[0] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document["type"] == f"urn:doorward:problem:{code}"
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == response.headers["x-request-id"]
    return document
