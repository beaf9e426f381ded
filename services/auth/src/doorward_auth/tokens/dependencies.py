"""The services, the body and the cookie that endpoints of tokens depend on."""

from typing import Annotated

from fastapi import Depends, Request

from doorward_auth.bodies import is_form, read_form, read_json, validated
from doorward_auth.grant_types import REFRESH_TOKEN
from doorward_auth.oauth_errors import UnsupportedGrantTypeError
from doorward_auth.refresh_cookies.cookies import (
    BrowserHeaders,
    browser_headers,
)
from doorward_auth.tokens.refresh_service import RefreshService
from doorward_auth.tokens.schemas import RefreshRequest
from doorward_kit.dependencies import provide

Refreshes = Annotated[RefreshService, provide(RefreshService)]


async def _presented_token(request: Request) -> str | BrowserHeaders:
    """Return the token of a body, or without any body the header of a request with a cookie.

    A body is judged alone, whatever the cookies.
    """
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        headers = browser_headers(request.headers.raw)
        if headers.csrf is not None or headers.has_refresh_cookie:
            return headers
    body = await _refresh_request(request)
    return body.refresh_token.get_secret_value()


async def _refresh_request(request: Request) -> RefreshRequest:
    """Read a request as JSON or as the form of RFC 6749 section 6; raises UnsupportedGrantTypeError."""
    if not is_form(request):
        return validated(RefreshRequest, await read_json(request))
    form = await read_form(request)
    if form.get("grant_type", REFRESH_TOKEN) != REFRESH_TOKEN:
        raise UnsupportedGrantTypeError
    # It may have further fields (RFC 6749 section 3.2).
    return validated(RefreshRequest, {name: form[name] for name in RefreshRequest.model_fields.keys() & form})


PresentedToken = Annotated[str | BrowserHeaders, Depends(_presented_token)]
