"""httpx-oauth: refresh and revocation, and its exceptions."""

import asyncio
from collections.abc import Awaitable

import httpx
from httpx_oauth.oauth2 import BaseOAuth2, RefreshTokenError, RevokeTokenError
from installation import AUTH, SERVICE_ID, SERVICE_SECRET, log_in, report


def client(client_id: str = "", secret: str = "", method: str = "client_secret_post") -> BaseOAuth2[None]:
    return BaseOAuth2(
        client_id,
        secret,
        f"{AUTH}/authorize",
        f"{AUTH}/token",
        f"{AUTH}/token",
        f"{AUTH}/revoke",
        token_endpoint_auth_method=method,  # type: ignore[arg-type]  # one of its own names
        revocation_endpoint_auth_method=method,  # type: ignore[arg-type]  # the same
    )


async def rejection(
    call: Awaitable[object], expected: type[RefreshTokenError] | type[RevokeTokenError]
) -> httpx.Response:
    try:
        await call
    except expected as error:
        if error.response is not None:
            return error.response
    raise AssertionError("no answer that rejects")


async def main() -> None:
    person = client()
    service = client(SERVICE_ID, SERVICE_SECRET, "client_secret_basic")
    first = log_in()
    second = await person.refresh_token(first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    assert not second.is_expired()

    await service.revoke_token(second["refresh_token"], "refresh_token")
    await service.revoke_token("wrong")
    again = await rejection(person.refresh_token(second["refresh_token"]), RefreshTokenError)
    assert again.json()["error"] == "invalid_grant"
    with_wrong_secret = client(SERVICE_ID, "wrong", "client_secret_basic")
    rejected = await rejection(with_wrong_secret.revoke_token("wrong"), RevokeTokenError)
    assert (rejected.status_code, rejected.json()["error"]) == (401, "invalid_client")
    report("httpx-oauth", "refresh", "revocation", "errors")


asyncio.run(main())
