"""The rules of the userinfo endpoint."""

from typing import Any, Final

import sqlalchemy as sa

from doorward_auth.oidc import groups, scopes
from doorward_auth.oidc.provider import OpenIdProvider
from doorward_auth.oidc.user_claims import claims_of
from doorward_auth.oidc.userinfo import repository
from doorward_client.bearer_auth import InsufficientScopeError, InvalidAccessTokenError
from doorward_client.request_context import note_caller
from doorward_client.tokens import Claims, InvalidTokenError
from doorward_identity.resources import IdentityResources


class UserInfoService:
    """Tells about the user of an access token what its scopes allow."""

    def __init__(self, resources: IdentityResources, provider: OpenIdProvider) -> None:
        self._database = resources.database
        self._provider = provider
        verification = resources.verification
        own = [verification.verifier]
        if provider.is_on:
            # Its audience is the issuer: no other service takes it.
            own.insert(0, provider.verifier(provider.issuer, verification.revocations))
        self._verifiers: Final = own

    async def find(self, token: str) -> dict[str, Any]:
        """Return the claims; raises OidcNotConfiguredError, InvalidAccessTokenError, InsufficientScopeError.

        The session is read, so that its end takes effect at once and not with the next list of revocations.
        """
        self._provider.require()
        claims = self._verified(token)
        granted = claims.scopes or frozenset()
        if scopes.OPENID not in granted:
            raise InsufficientScopeError(scopes.OPENID)

        def work(connection: sa.Connection) -> dict[str, Any] | None:
            account = repository.find_account(
                connection, claims.session_id, claims.user_id, claims.token_version
            )
            if account is None:
                return None
            names = groups.granted_names(connection, account.id, granted)
            return {"sub": str(account.id), **claims_of(account, granted, names)}

        found = await self._database.read(work)
        if found is None:
            raise InvalidAccessTokenError
        note_caller(claims.user_id, claims.session_id)
        return found

    def _verified(self, token: str) -> Claims:
        for verifier in self._verifiers:
            try:
                return verifier.verify(token)
            except InvalidTokenError:
                continue
        raise InvalidAccessTokenError
