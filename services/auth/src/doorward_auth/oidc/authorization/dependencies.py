"""The dependencies of the authorization endpoint."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from doorward_auth.bodies import is_form
from doorward_auth.browser_sessions.dependencies import SessionCookie
from doorward_auth.browser_sessions.tokens import BrowserSessionToken
from doorward_auth.oidc.authorization.errors import RequestTooLongError
from doorward_auth.oidc.authorization.query import Query, read_query
from doorward_auth.oidc.authorization.service import AuthorizationService
from doorward_kit.dependencies import provide

Authorizations = Annotated[AuthorizationService, provide(AuthorizationService)]


async def _query(request: Request) -> Query:
    """Read the query of a GET, or the form of a POST; raises RequestTooLongError, HTTPException (415)."""
    raw: bytes = request.scope["query_string"]
    if request.method == "POST":
        if not is_form(request):
            raise HTTPException(415)
        raw = await request.body()
    query = read_query(raw.decode("utf-8", "surrogateescape"))
    if query is None:
        raise RequestTooLongError
    return query


AuthorizationQuery = Annotated[Query, Depends(_query)]


async def _session_token(request: Request, cookie: SessionCookie) -> BrowserSessionToken | None:
    return cookie.read(request.cookies)


SessionToken = Annotated[BrowserSessionToken | None, Depends(_session_token)]
