"""Authentication and authorization of requests: the dependencies that protected endpoints name.

`caller: CurrentUser` admits every signed-in user. `caller: Annotated[Claims, requires(Permission.X)]`
admits callers with that permission.
"""

import time
from typing import Annotated, Any, Final

import structlog
from fastapi import Depends, Request, Security
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase

from doorward_client.errors import DoorwardError
from doorward_client.metrics import VerificationMetrics
from doorward_client.permissions import ACCOUNT_SCOPE
from doorward_client.request_context import SESSION_ID_KEY, USER_ID_KEY, request_id_of
from doorward_client.tokens import Claims, InvalidTokenError, Verifier

log = structlog.get_logger(__name__)

_REALM: Final = 'Bearer realm="doorward"'


class NotAuthenticatedError(DoorwardError):
    """401 without a token: RFC 6750 section 3.1 wants the bare challenge."""

    status = 401
    code = "not_authenticated"
    detail = "Send an access token: `Authorization: Bearer ...`."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": _REALM})


class InvalidAccessTokenError(DoorwardError):
    """401 with a token that is not valid. The log has the reason, the answer has none."""

    status = 401
    code = "invalid_token"
    detail = "The access token is not valid here or has expired. Refresh it or log in again."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'})


class InsufficientPermissionError(DoorwardError):
    """403: the caller's role lacks the permission, which the problem document names as `required`."""

    status = 403
    code = "insufficient_permission"
    detail = "Your role does not permit this."

    def __init__(self, required: str) -> None:
        super().__init__()
        self.extensions = {"required": required}


class InsufficientScopeError(DoorwardError):
    """403: the token's scope does not cover the caller's own data (RFC 6750 section 3.1)."""

    status = 403
    code = "insufficient_scope"
    detail = "The scope of the access token does not cover this."

    def __init__(self, scope: str = ACCOUNT_SCOPE) -> None:
        challenge = f'{_REALM}, error="insufficient_scope", scope="{scope}"'
        super().__init__(headers={"WWW-Authenticate": challenge})


class InsufficientUserAuthenticationError(DoorwardError):
    """401: the user's last proof is too old for this (RFC 9470); `max_age` says how old it may be."""

    status = 401
    code = "insufficient_user_authentication"
    detail = "Prove your password again: `POST /auth/step-up`, or a new login."

    def __init__(self, max_age: int) -> None:
        super().__init__(
            headers={
                "WWW-Authenticate": f'{_REALM}, error="{self.code}",'
                f' error_description="A more recent login is required", max_age="{max_age}"'
            }
        )
        self.extensions = {"max_age": max_age}


def require_recent_login(caller: Claims, max_age: int) -> None:
    """Raise unless the caller's last proof is at most `max_age` seconds old.

    InsufficientUserAuthenticationError: it is older, or unknown.
    """
    if caller.auth_time is None or time.time() - caller.auth_time > max_age:
        raise InsufficientUserAuthenticationError(max_age)


class BearerToken(SecurityBase):
    """Verifies the bearer token of a request (RFC 6750 section 2.1) and documents itself in OpenAPI.

    With `permission`, only callers who have it are admitted.
    """

    def __init__(self, permission: str | None = None) -> None:
        self._permission = permission
        self.model = HTTPBearerModel(bearerFormat="JWT", description="An access token of `POST /token`.")
        self.scheme_name = "bearer"

    async def __call__(self, request: Request) -> Claims:
        """Return the caller's claims.

        Raises NotAuthenticatedError, InvalidAccessTokenError, InsufficientPermissionError and
        InsufficientScopeError.
        """
        claims = _authenticate(request)
        if self._permission is None:
            if not claims.covers_account:
                raise InsufficientScopeError
        elif not claims.may(self._permission):
            raise InsufficientPermissionError(self._permission)
        return claims


def bearer_token_of(request: Request) -> str:
    """Return the token of a request's header; raises NotAuthenticatedError, InvalidAccessTokenError."""
    headers: list[bytes] = [value for name, value in request.scope["headers"] if name == b"authorization"]
    if not headers:
        raise NotAuthenticatedError
    # One or more spaces separate scheme and token (RFC 9110 section 11.4).
    scheme, _, token = headers[0].decode("latin-1").partition(" ")
    if len(headers) > 1 or scheme.lower() != "bearer":
        raise InvalidAccessTokenError
    return token.lstrip(" ")


def _authenticate(request: Request) -> Claims:
    token = bearer_token_of(request)
    verifier: Verifier = request.app.state.verifier
    try:
        claims = verifier.verify(token)
    except InvalidTokenError as error:
        metrics: VerificationMetrics = request.app.state.verification_metrics
        metrics.token_rejected(error.reason)
        log.info("token.rejected", reason=error.reason, request_id=request_id_of(request.scope))
        raise InvalidAccessTokenError from None
    request.scope[USER_ID_KEY] = claims.user_id
    request.scope[SESSION_ID_KEY] = claims.session_id
    return claims


def requires(permission: str) -> Any:
    """Return the dependency that admits callers with a permission, which OpenAPI shows as a scope."""
    return Security(BearerToken(permission), scopes=[str(permission)])


CurrentUser = Annotated[Claims, Depends(BearerToken())]
