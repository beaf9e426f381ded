"""The tokens of a client's session."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, Field

from doorward_auth.account_repository import Account
from doorward_auth.authentication import Authentication
from doorward_auth.oauth_errors import InvalidTargetError
from doorward_auth.oidc import scopes
from doorward_auth.oidc.clients.client import IdTokenClaims, RegisteredClient
from doorward_auth.oidc.provider import OpenIdProvider
from doorward_auth.oidc.signing import USER_ROLE, ClientAccessToken, IdToken
from doorward_auth.oidc.user_claims import claims_of
from doorward_auth.signing import Signer
from doorward_auth.tokens.token_pair import RefreshToken
from doorward_client.permissions import FULL_SCOPE
from doorward_client.request_context import note_caller
from doorward_client.tokens import Scalar


class ClientTokens(BaseModel):
    """The tokens of a registered client (RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3)."""

    access_token: str
    token_type: str = Field(examples=["Bearer"])
    expires_in: int = Field(description="Seconds.", examples=[300])
    refresh_token: str | None = None
    scope: str | None = Field(default=None, description="What was granted; absent if it is nothing.")
    id_token: str | None = Field(default=None, description="With the scope `openid`.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientGrant:
    """A client's session, and what its tokens say. `granted` are the scopes of these tokens.

    `group_names` is None without the scope, and one longer than MAX_GROUPS if there are more. `extensions`,
    what the user's upstream says, is for Doorward's services alone.
    """

    client: RegisteredClient
    token: RefreshToken
    account: Account
    authentication: Authentication
    browser_session_id: uuid.UUID
    audience: str
    granted: tuple[str, ...]
    group_names: Sequence[str] | None
    extensions: Mapping[str, Scalar] = field(default_factory=dict)
    nonce: str | None = None


class ClientTokenIssuer:
    """Signs the tokens of clients' sessions. `own_audience` is that of Doorward's services."""

    def __init__(self, provider: OpenIdProvider, signer: Signer, *, own_audience: str) -> None:
        self._provider = provider
        self._signer = signer
        self._own_audience = own_audience

    def audience_of(self, client: RegisteredClient, granted: Sequence[str], resource: str | None) -> str:
        """Return the audience of a session's access tokens: a resource, our services, or the issuer."""
        if resource is not None:
            return resource
        is_own = client.first_party and FULL_SCOPE in granted
        return self._own_audience if is_own else self._provider.issuer

    def may_have_audience(self, client: RegisteredClient, audience: str) -> bool:
        """Tell whether a client may have access tokens for an audience, as it is registered now.

        Doorward's own one is for first-party clients alone, also if another one has it as a resource since
        before the setting was changed.
        """
        if audience == self._own_audience:
            is_registered = audience in client.audiences or FULL_SCOPE in client.scopes
            return client.first_party and is_registered
        return audience == self._provider.issuer or audience in client.audiences

    def audience_of_request(self, client: RegisteredClient, audience: str, resource: str | None) -> str:
        """Return the audience of one access token: that of the session, unless the request narrows it.

        Raises InvalidTargetError for a resource that is not registered, or another than the session's (RFC
        8707 section 2.2).
        """
        if resource is None:
            return audience
        is_of_another = audience in client.audiences and resource != audience
        is_registered = resource in client.audiences and self.may_have_audience(client, resource)
        if not is_registered or is_of_another:
            raise InvalidTargetError
        return resource

    def require_key(self, client: RegisteredClient) -> None:
        """Raise NoSigningKeyError before a code is spent that no token could be signed for."""
        _ = self._provider.keys.signing_with(client.id_token_alg.value)

    def issue(self, grant: ClientGrant) -> ClientTokens:
        """Return the tokens; raises NoSigningKeyError."""
        note_caller(grant.account.id, grant.token.session_id)
        access_token = self._access_token(grant)
        return ClientTokens(
            access_token=access_token,
            token_type="Bearer",  # noqa: S106 - RFC 6750's name, not a secret
            expires_in=self._signer.lifetime,
            refresh_token=str(grant.token),
            scope=scopes.join(grant.granted) or None,
            id_token=self._id_token(grant, access_token) if scopes.OPENID in grant.granted else None,
        )

    def _access_token(self, grant: ClientGrant) -> str:
        client = grant.client
        if grant.audience == self._own_audience:
            return self._signer.sign(
                user_id=grant.account.id,
                session_id=grant.token.session_id,
                role=grant.account.role,
                token_version=grant.account.token_version,
                auth_time=grant.authentication.auth_time,
                acr=grant.authentication.acr,
                amr=grant.authentication.amr,
                client_id=client.client_id,
                scope=scopes.join(grant.granted),
                groups=grant.group_names,
                extensions=grant.extensions,
            )
        token = ClientAccessToken(
            subject_id=grant.account.id,
            session_id=grant.token.session_id,
            client_id=client.client_id,
            audience=grant.audience,
            scope=scopes.join(grant.granted),
            role=USER_ROLE,
            token_version=grant.account.token_version,
            authentication=grant.authentication,
            groups=grant.group_names,
        )
        return self._provider.signer.access_token(token, client.id_token_alg)

    def _id_token(self, grant: ClientGrant, access_token: str) -> str:
        is_full = grant.client.id_token_claims is IdTokenClaims.FULL
        token = IdToken(
            user_id=grant.account.id,
            client_id=grant.client.client_id,
            session_id=grant.browser_session_id,
            authentication=grant.authentication,
            nonce=grant.nonce,
            access_token=access_token,
            profile=claims_of(grant.account, grant.granted, grant.group_names) if is_full else {},
        )
        return self._provider.signer.id_token(token, grant.client.id_token_alg)
