"""Errors that the features of OpenID Connect share."""

from doorward_client.errors import NotFoundError


class OidcNotConfiguredError(NotFoundError):
    """404 for every route of OpenID Connect while a setting is missing that it needs."""

    code = "oidc_not_configured"
    detail = "OpenID Connect is off: DOORWARD_PUBLIC_URL and DOORWARD_OIDC_JWKS_FILE turn it on."
