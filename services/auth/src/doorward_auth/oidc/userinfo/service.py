"""The rules of the userinfo endpoint."""

from typing import Any, Final

from doorward_auth.oidc import scopes
from doorward_auth.oidc.provider import OpenIdProvider
from doorward_auth.oidc.user_claims import claims_of
from doorward_auth.oidc.userinfo.repository import TokenKey, find_users
from doorward_client.bearer_auth import InsufficientScopeError, InvalidAccessTokenError
from doorward_client.request_context import note_caller
from doorward_client.tokens import Claims, InvalidTokenError
from doorward_identity.resources import IdentityResources
from doorward_kit.dataloader import DataLoader


class UserInfoService:
    """Tells about the user of an access token what its scopes allow."""

    def __init__(self, resources: IdentityResources, provider: OpenIdProvider) -> None:
        self._users = DataLoader("userinfo", resources.database, find_users, resources.metrics)
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

        user = await self._users.get(
            TokenKey(claims.session_id, claims.user_id, claims.token_version, scopes.GROUPS in granted)
        )
        if user is None:
            raise InvalidAccessTokenError
        note_caller(claims.user_id, claims.session_id)
        return {"sub": claims.user_id, **claims_of(user, granted, user.group_names)}

    def _verified(self, token: str) -> Claims:
        for verifier in self._verifiers:
            try:
                return verifier.verify(token)
            except InvalidTokenError:
                continue
        raise InvalidAccessTokenError
