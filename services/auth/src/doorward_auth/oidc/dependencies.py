"""Dependencies of the routes of OpenID Connect."""

from typing import Annotated, Final

from fastapi import Depends

from doorward_auth.oidc.provider import OpenIdProvider
from doorward_kit.dependencies import provide


async def _require(provider: Annotated[OpenIdProvider, provide(OpenIdProvider)]) -> None:
    provider.require()


WhileOn: Final = Depends(_require)
"""Rejects a request with OidcNotConfiguredError before its body is looked at."""
