"""The grant of machines: a program gets a token for itself (RFC 6749 section 4.4)."""

import uuid

import structlog

from doorward_auth.oauth_errors import InvalidScopeError, InvalidTargetError
from doorward_auth.oidc import scopes
from doorward_auth.oidc.clients.client import RegisteredClient
from doorward_auth.oidc.provider import OpenIdProvider
from doorward_auth.oidc.signing import MACHINE_ROLE, ClientAccessToken
from doorward_auth.oidc.token.issuing import ClientTokens

log = structlog.get_logger(__name__)


class MachineTokens:
    """Issues access tokens to machines; there is no refresh token (RFC 6749 section 4.4.3)."""

    def __init__(self, provider: OpenIdProvider) -> None:
        self._provider = provider

    def issue(self, client: RegisteredClient, scope: str | None, resource: str | None) -> ClientTokens:
        """Return a token with the scopes that were asked for, or without a wish all of the client's.

        Raises InvalidScopeError, InvalidTargetError, NoSigningKeyError.
        """
        granted = _granted(client, scope)
        signer = self._provider.signer
        token = ClientAccessToken(
            subject_id=client.id,
            # Each token has a session of its own, so that it can be revoked alone.
            session_id=uuid.uuid4(),
            client_id=client.client_id,
            audience=self._audience(client, resource),
            scope=scopes.join(granted),
            role=MACHINE_ROLE,
            token_version=client.token_version,
        )
        log.info("client.token_issued", client=client.client_id, audience=token.audience)
        return ClientTokens(
            access_token=signer.access_token(token, client.id_token_alg),
            token_type="Bearer",  # noqa: S106 - RFC 6750's name, not a secret
            expires_in=signer.lifetime,
            scope=scopes.join(granted) or None,
        )

    def _audience(self, client: RegisteredClient, resource: str | None) -> str:
        """Return the resource that is named, or the client's only one; without any it is the issuer."""
        if resource is not None:
            if resource not in client.audiences:
                raise InvalidTargetError
            return resource
        if len(client.audiences) > 1:
            raise InvalidTargetError("This client has several resources: name one with `resource`.")
        return client.audiences[0] if client.audiences else self._provider.issuer


def _granted(client: RegisteredClient, scope: str | None) -> tuple[str, ...]:
    if scope is None:
        return client.scopes
    requested = scopes.parse(scope)
    if not requested or not set(requested) <= set(client.scopes):
        raise InvalidScopeError
    return requested
