"""The end session endpoint."""

from typing import Annotated, Final

from starlette.responses import Response

from doorward_auth.bodies import form_of_texts, query_of_texts
from doorward_auth.browser_sessions.dependencies import SessionCookie
from doorward_auth.oidc.authorization.dependencies import AuthorizationQuery, SessionToken
from doorward_auth.oidc.dependencies import WhileOn
from doorward_auth.oidc.end_session.service import PATH, EndSessionService
from doorward_kit.dependencies import provide
from doorward_kit.routing import api_router

EndSessions = Annotated[EndSessionService, provide(EndSessionService)]

router = api_router(prefix="/api/v1/auth", tag="openid")

_PARAMETERS: Final = {
    "id_token_hint": "An ID token of the session; it may have expired.",
    "post_logout_redirect_uri": "Where the user goes then: one of the client's URIs, as an exact text.",
    "state": "Returned unchanged.",
    "client_id": "The client of the ID token.",
}


@router.get(
    "/end-session",
    status_code=303,
    response_class=Response,
    summary="Sign the browser's user out",
    openapi_extra=query_of_texts(_PARAMETERS),
)
async def end_browser_session(
    query: AuthorizationQuery, token: SessionToken, cookie: SessionCookie, end_sessions: EndSessions
) -> Response:
    """End the browser's session and those of its clients, and redirect to the client or to a page.

    Without an ID token of that session, or with an unregistered URI, a page asks the user first.
    """
    answer = await end_sessions.answer(query, token)
    response = Response(status_code=303, headers={"Location": answer.location})
    if answer.has_ended and token is not None:
        cookie.clear(response)
    return response


@router.post(
    "/end-session",
    status_code=303,
    response_class=Response,
    summary="Sign the browser's user out by a form",
    openapi_extra=form_of_texts("EndSessionForm", _PARAMETERS),
    dependencies=[WhileOn],
)
async def end_browser_session_by_form(query: AuthorizationQuery) -> Response:
    """Redirect to the same request as a GET: a form of another site comes without the session's cookie."""
    return Response(status_code=303, headers={"Location": f"{PATH}?{query}"})
