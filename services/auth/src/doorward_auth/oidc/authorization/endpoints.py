"""The authorization endpoint."""

from typing import Final

from starlette.responses import Response

from doorward_auth.bodies import form_of_texts, query_of_texts
from doorward_auth.browser_sessions.dependencies import SessionCookie
from doorward_auth.oidc.authorization.dependencies import AuthorizationQuery, Authorizations, SessionToken
from doorward_auth.oidc.authorization.service import PATH
from doorward_auth.oidc.dependencies import WhileOn
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth", tag="openid")

_PARAMETERS: Final = {
    "client_id": "The registered client.",
    "redirect_uri": "Where the answer goes: one of the client's URIs, as an exact text.",
    "response_type": "`code`.",
    "scope": "With `openid` the client gets an ID token, with `offline_access` a session that outlives the"
    " browser's.",
    "state": "Returned unchanged.",
    "nonce": "A claim of the ID token.",
    "code_challenge": "PKCE (RFC 7636): SHA-256 of the verifier, in base64url.",
    "code_challenge_method": "`S256`.",
    "prompt": "`none`, or `login`, `consent`, `select_account`.",
    "max_age": "The most seconds since the user gave a proof.",
    "login_hint": "An address that the login page fills in.",
    "ui_locales": "The languages of the pages.",
    "id_token_hint": "An ID token of the expected user.",
    "resource": "Audience of the access tokens (RFC 8707).",
    "acr_values": "Accepted and ignored: there is one level, `aal1`, and the claim `acr` says so.",
}
_REQUIRED: Final = ("client_id", "redirect_uri", "response_type")


@router.get(
    "/authorize",
    status_code=303,
    response_class=Response,
    summary="Ask for an authorization code",
    openapi_extra=query_of_texts(_PARAMETERS, required=_REQUIRED),
)
async def request_authorization_code(
    query: AuthorizationQuery, token: SessionToken, cookie: SessionCookie, authorizations: Authorizations
) -> Response:
    """Redirect the browser to the client with a code or an error, or to a page that comes before.

    Errors go to the client. If the client or its redirect URI is unknown, a page shows the error.
    """
    answer = await authorizations.answer(query, token)
    response = Response(status_code=303, headers={"Location": answer.location})
    if answer.is_signed_out:
        cookie.clear(response)
    return response


@router.post(
    "/authorize",
    status_code=303,
    response_class=Response,
    summary="Ask for an authorization code by a form",
    openapi_extra=form_of_texts("AuthorizationForm", _PARAMETERS, required=_REQUIRED),
    dependencies=[WhileOn],
)
async def request_authorization_code_by_form(query: AuthorizationQuery) -> Response:
    """Redirect to the same request as a GET: a form of another site comes without the session's cookie."""
    return Response(status_code=303, headers={"Location": f"{PATH}?{query}"})
