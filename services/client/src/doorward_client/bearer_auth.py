"""Who is calling: the dependencies that protected endpoints name.

An endpoint with a parameter `caller: CurrentUser` is for everybody signed in, one with
`caller: AdminUser` for administrators. There is no other way to learn who is calling.
"""

from typing import Annotated, Final

import structlog
from fastapi import Depends, Request, Security
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase

from doorward_client.errors import DoorwardError
from doorward_client.metrics import VerificationMetrics
from doorward_client.request_context import request_id_of
from doorward_client.roles import Role
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
    """401 with a token that proves nothing. Why is told to the log, not to the caller."""

    status = 401
    code = "invalid_token"
    detail = "The access token is not valid here or has expired. Refresh it or log in again."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'})


class InsufficientRoleError(DoorwardError):
    """403: signed in, and not allowed."""

    status = 403
    code = "insufficient_role"
    detail = "Your role does not allow this."

    def __init__(self, required: Role) -> None:
        challenge = f'{_REALM}, error="insufficient_scope", scope="{required.value}"'
        super().__init__(headers={"WWW-Authenticate": challenge})


class BearerToken(SecurityBase):
    """The one place where a request's token is verified and its role checked.

    With `role`, callers of any other role are refused. Documents itself in OpenAPI.
    """

    def __init__(self, role: Role | None = None) -> None:
        self.role = role
        self.model = HTTPBearerModel(bearerFormat="JWT", description="An access token of `POST /token`.")
        self.scheme_name = "bearer"

    async def __call__(self, request: Request) -> Claims:
        """Return the caller's claims; raises the three errors above."""
        headers = [value for name, value in request.scope["headers"] if name == b"authorization"]
        if not headers:
            raise NotAuthenticatedError
        # One or more spaces (RFC 9110 section 11.4).
        scheme, _, token = headers[0].decode("latin-1").partition(" ")
        token = token.lstrip(" ")
        if len(headers) > 1 or scheme.lower() != "bearer":
            raise InvalidAccessTokenError
        verifier: Verifier = request.app.state.verifier
        try:
            claims = verifier.verify(token)
        except InvalidTokenError as error:
            metrics: VerificationMetrics = request.app.state.verification_metrics
            metrics.token_rejected(error.reason)
            log.info("token.rejected", reason=error.reason, request_id=request_id_of(request.scope))
            raise InvalidAccessTokenError from None
        if self.role is not None and claims.role != self.role:
            raise InsufficientRoleError(self.role)
        return claims


def require_role(role: Role) -> BearerToken:
    """Return the dependency that admits only callers with `role`."""
    return BearerToken(role)


CurrentUser = Annotated[Claims, Depends(BearerToken())]
AdminUser = Annotated[Claims, Security(require_role(Role.ADMIN), scopes=[Role.ADMIN])]
