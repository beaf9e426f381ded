"""The OpenID provider of an installation: its issuer, its keys, and what it signs. It may be off."""

from collections.abc import Callable, Sequence
from typing import Final

from doorward_auth.oidc.errors import OidcNotConfiguredError
from doorward_auth.oidc.keys import open_oidc_keys
from doorward_auth.oidc.signing import ClientTokenSigner
from doorward_auth.settings import AuthSettings
from doorward_client.keys.key_store import KeySetWatcher, KeyStore
from doorward_client.revocations.revocation_list import RevocationList
from doorward_client.token_verification import BackgroundTask
from doorward_client.tokens import Verifier


class OpenIdProvider:
    """On if there are a public URL and keys; otherwise every use raises OidcNotConfiguredError."""

    def __init__(self, settings: AuthSettings, *, on_key_failure: Callable[[], None]) -> None:
        self.is_on: Final = settings.public_url is not None and settings.oidc_jwks_file is not None
        self._issuer = settings.issuer
        self._keys: KeyStore | None = None
        self._signer: ClientTokenSigner | None = None
        self._watcher: KeySetWatcher | None = None
        if self.is_on and settings.oidc_jwks_file is not None:
            self._keys, self._watcher = open_oidc_keys(settings.oidc_jwks_file, on_failure=on_key_failure)
            self._signer = ClientTokenSigner(
                self._keys, issuer=settings.issuer, lifetime=settings.access_token_seconds
            )

    def require(self) -> None:
        """Raise OidcNotConfiguredError while it is off."""
        if not self.is_on:
            raise OidcNotConfiguredError

    @property
    def issuer(self) -> str:
        """The URL that is `iss`, without a slash at its end."""
        self.require()
        return self._issuer

    @property
    def keys(self) -> KeyStore:
        """The keys that verify what clients send back."""
        if self._keys is None:
            raise OidcNotConfiguredError
        return self._keys

    @property
    def signer(self) -> ClientTokenSigner:
        """The signer of clients' tokens."""
        if self._signer is None:
            raise OidcNotConfiguredError
        return self._signer

    def verifier(self, audience: str, revocations: RevocationList) -> Verifier:
        """Return what verifies access tokens of clients for an audience."""
        return Verifier(self.keys, issuer=self.issuer, audience=audience, revocations=revocations)

    def background(self) -> Sequence[BackgroundTask]:
        """Return the tasks to run while the process serves."""
        return [] if self._watcher is None else [self._watcher.run]
