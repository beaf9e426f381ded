"""The answer to an authorization request, or the page that comes before it: a pure function."""

import uuid
from dataclasses import dataclass
from enum import Enum, auto

from doorward_auth.oidc.authorization.errors import AuthorizationError, ErrorResponse
from doorward_auth.oidc.authorization.interaction import UserChoice
from doorward_auth.oidc.authorization.request import AuthorizationRequest, Prompt


class InteractionPage(Enum):
    """The page that the user sees before the answer."""

    LOGIN = auto()
    CHOOSE_ACCOUNT = auto()
    """To go on with the account that is signed in, or to sign in with another."""
    CONSENT = auto()
    NOT_ALLOWED = auto()
    """The application is not for this account."""


class Success(Enum):
    """The client gets a code."""

    CODE = auto()


Decision = InteractionPage | ErrorResponse | Success


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """The browser session of a request.

    `has_signed_in` is whether its user signed in since the request came, and `has_proven` whether they gave a
    proof since: that of an upstream's own session may be older.

    `age` is how long ago the last proof was, in seconds. `is_allowed` is whether the client is for this user,
    and `has_consented` whether they once allowed all that it asks for; it is True for a first-party client.
    """

    user_id: uuid.UUID
    age: float
    has_proven: bool
    has_signed_in: bool
    is_allowed: bool
    has_consented: bool


def decide(
    request: AuthorizationRequest,
    session: SignedIn | None,
    choices: frozenset[UserChoice],
    hinted_user: uuid.UUID | None,
) -> Decision:
    """Decide by the request, the browser session, what was done for it, and who the client expects.

    With `prompt=none` the client learns which page would be needed.
    """
    is_silent = Prompt.NONE in request.prompts
    if UserChoice.CONSENT_DENIED in choices:
        return ErrorResponse(AuthorizationError.ACCESS_DENIED, "the user has not allowed it")
    # After a sign-in, too: the client expects a user, and must not get another one.
    is_other = session is not None and hinted_user not in {None, session.user_id}
    if session is None or is_other or _must_sign_in(request, session):
        return _login(session, is_other=is_other, is_silent=is_silent)
    if Prompt.SELECT_ACCOUNT in request.prompts and not (
        session.has_signed_in or UserChoice.ACCOUNT_CONFIRMED in choices
    ):
        return InteractionPage.CHOOSE_ACCOUNT
    if not session.is_allowed:
        error = ErrorResponse(AuthorizationError.ACCESS_DENIED, "the user is in none of the client's groups")
        return error if is_silent else InteractionPage.NOT_ALLOWED
    if not session.has_consented or (
        Prompt.CONSENT in request.prompts and UserChoice.CONSENT_GIVEN not in choices
    ):
        error = ErrorResponse(
            AuthorizationError.CONSENT_REQUIRED, "the user has not allowed all of the scopes"
        )
        return error if is_silent else InteractionPage.CONSENT
    return Success.CODE


def _must_sign_in(request: AuthorizationRequest, session: SignedIn) -> bool:
    if session.has_proven and Prompt.NONE not in request.prompts:
        return False  # they just did, whatever asked for it
    if Prompt.LOGIN in request.prompts:
        return True
    return request.max_age is not None and (request.max_age == 0 or session.age > request.max_age)


def _login(session: SignedIn | None, *, is_other: bool, is_silent: bool) -> Decision:
    """Ask for a sign-in, but not silently, and not again after another user than the hint's has signed in."""
    if is_silent:
        return ErrorResponse(AuthorizationError.LOGIN_REQUIRED, "the user has to sign in")
    if session is not None and is_other and session.has_signed_in:
        return ErrorResponse(
            AuthorizationError.LOGIN_REQUIRED, "it is another user than that of id_token_hint"
        )
    return InteractionPage.LOGIN
