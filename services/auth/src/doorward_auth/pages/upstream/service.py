"""The redirect to an upstream and the return from it. Its rules are RedirectLogins'.

A cookie of ten minutes holds `state` and the PKCE verifier, so that a code opens a session only in the
browser that asked for it (RFC 9700 section 2.1).
"""

import hmac
import json
import secrets
from dataclasses import asdict, dataclass, replace
from typing import Final, Self

from pydantic import SecretStr
from starlette.responses import Response

from doorward_auth.pages.frame.continuation import Continuation
from doorward_auth.pages.frame.form_errors import text_of
from doorward_auth.pages.frame.forms import Forms
from doorward_auth.pages.frame.site import PageSite
from doorward_auth.pages.frame.visitor import Visitor
from doorward_auth.pages.sign_in.browser_sign_in import BrowserSignIn
from doorward_auth.pages.sign_in.schemas import REMEMBER
from doorward_auth.pages.sign_in.service import SignInPages
from doorward_auth.pkce import challenge_of, is_verifier, new_verifier
from doorward_auth.upstream.errors import LONGEST_RETRY_SECONDS
from doorward_auth.upstream.redirects.errors import InvalidAuthorizationCodeError
from doorward_auth.upstream.redirects.schemas import UpstreamAuthorizationRequest, UpstreamCodeRequest
from doorward_auth.upstream.redirects.service import BROWSER_SECONDS, RedirectLogins
from doorward_client import base64url, strict_json
from doorward_client.errors import DoorwardError

COOKIE: Final = "doorward_upstream"
_MAX_CODE: Final = 128
_REPORTED: Final = frozenset({"upstream_misconfigured", "upstream_timeout", "upstream_unavailable"})
"""Codes in the URL of the return that have texts of their own. `invalid_credentials` has another here: the
upstream rejected its code, or sent an invalid ID token, and the visitor entered no password."""


@dataclass(frozen=True, slots=True)
class _PendingAuthorization:
    """A login that has left for the upstream: the content of the cookie."""

    state: str
    verifier: str
    target: str | None
    is_remembered: bool

    @classmethod
    def read(cls, text: str | None) -> Self | None:
        try:
            state, verifier, target, is_remembered = strict_json.loads(base64url.decode(text or ""))
        except (ValueError, TypeError):
            return None
        if not isinstance(state, str) or not isinstance(verifier, str) or not is_verifier(verifier):
            return None
        return cls(state, verifier, target if isinstance(target, str) else None, is_remembered is True)

    def __str__(self) -> str:
        return base64url.encode(json.dumps(list(asdict(self).values())).encode())


class UpstreamPages:
    """Sends browsers to upstreams, and takes them back."""

    def __init__(
        self,
        site: PageSite,
        forms: Forms,
        redirects: RedirectLogins,
        sign_in: SignInPages,
        end: BrowserSignIn,
    ) -> None:
        self._site = site
        self._forms = forms
        self._redirects = redirects
        self._sign_in = sign_in
        self._end = end

    async def begin(self, visitor: Visitor) -> Response:
        """Go to an upstream: by a page in between, because of the policy of forms."""
        if not visitor.is_own_form:
            return self._sign_in.show(visitor, self._text(visitor, "foreign_form"))
        pending = _PendingAuthorization(
            secrets.token_urlsafe(16),
            new_verifier(),
            visitor.continuation.for_cookie(),
            REMEMBER in visitor.fields,
        )
        name = visitor.fields.get("upstream", "")
        try:
            request = UpstreamAuthorizationRequest(
                redirect_uri=self._redirects.page_of(name),
                code_challenge=challenge_of(pending.verifier),
                state=pending.state,
                prompt="login" if visitor.continuation.needs_fresh_login else None,
            )
            begun = await self._redirects.begin(name, request)
        except DoorwardError as error:
            return self._sign_in.show(visitor, self._text(visitor, error.code, error))
        response = self._forms.page(visitor, "leaving.html", {"target": begun.authorization_url})
        self._site.cookies.set(response, COOKIE, str(pending), seconds=BROWSER_SECONDS)
        return response

    async def finish(self, visitor: Visitor, name: str) -> Response:
        """Take the code that the browser brings, and go on."""
        pending = _PendingAuthorization.read(self._site.cookies.get(visitor.request, COOKIE))
        query = visitor.request.query_params
        state, code = query.get("state", ""), query.get("code", "")
        if pending is None or not hmac.compare_digest(pending.state.encode(), state.encode()):
            return self._rejected(visitor, self._text(visitor, "invalid_sign_in_token"))
        visitor = replace(visitor, continuation=Continuation.parse(pending.target))
        if not 0 < len(code) <= _MAX_CODE:
            reported = query.get("error_description", "")
            reported = reported if reported in _REPORTED else "upstream"
            return self._rejected(visitor, self._text(visitor, reported))
        request = UpstreamCodeRequest(code=SecretStr(code), code_verifier=SecretStr(pending.verifier))
        open_session = self._end.upstream_opener(visitor, is_remembered=pending.is_remembered)
        try:
            opened = await self._redirects.finish_with(name, request, visitor.source, open_session)
        except DoorwardError as error:
            is_used = isinstance(error, InvalidAuthorizationCodeError)
            code = "invalid_sign_in_token" if is_used else error.code
            return self._rejected(visitor, self._text(visitor, code, error))
        return self._done(self._end.signed_in(visitor, opened))

    def _rejected(self, visitor: Visitor, text: str) -> Response:
        return self._done(self._sign_in.show(visitor, text))

    def _done(self, response: Response) -> Response:
        self._site.cookies.delete(response, COOKIE)
        return response

    def _text(self, visitor: Visitor, code: str, error: DoorwardError | None = None) -> str:
        texts = self._site.pages.texts[visitor.language]
        retry_after = (error.headers or {}).get("Retry-After") if error else str(LONGEST_RETRY_SECONDS)
        return text_of(texts, code if texts.has(f"error.{code}") else "upstream", "", retry_after)
