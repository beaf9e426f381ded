"""Asking the other services of the same installation."""

import httpx2

from doorward_client.settings import SettingsError


def internal_http_client(
    *,
    timeout: float,
    auth: tuple[str, str] | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> httpx2.AsyncClient:
    """Return a client for another service; `auth` is a name and a secret, `timeout` in seconds.

    A proxy that the environment names is for the way out of the cluster. What services tell each other
    has secrets and tokens in it and never goes there. SSL_CERT_FILE and SSL_CERT_DIR count: they say
    whose certificates are believed. `transport` is how to get there where it is not the network.
    Raises SettingsError.
    """
    return httpx2.AsyncClient(
        auth=auth,
        timeout=timeout,
        transport=transport or _direct(),
        trust_env=False,  # of the client, which looks for proxies
    )


def _direct() -> httpx2.AsyncHTTPTransport:
    try:
        return httpx2.AsyncHTTPTransport(trust_env=True)  # of the transport, which looks for authorities
    except OSError as error:
        raise SettingsError(
            f"SSL_CERT_FILE or SSL_CERT_DIR cannot be used: {error.strerror or error}"
        ) from None
