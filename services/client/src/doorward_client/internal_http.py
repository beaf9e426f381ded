"""HTTP requests to other services of the same installation: no proxy, a time limit, a size limit."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx2

from doorward_client.settings import SettingsError


@dataclass(frozen=True, slots=True)
class AuthCredentials:
    """The URL of auth, and the id and secret of this service there."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)


class FetchError(Exception):
    """No usable response: unreachable, too slow, too long, or an unexpected status.

    The message names the reason and quotes nothing of the request or the response.
    """


@dataclass(frozen=True, slots=True)
class FetchedResponse:
    """A response that was read to its end."""

    status: int
    headers: Mapping[str, str]
    """Case-insensitive."""
    content: bytes


def internal_http_client(
    *,
    auth: tuple[str, str] | None = None,
    timeout: float | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> httpx2.AsyncClient:
    """Return a client for another service; `auth` is a client id and a secret. Raises SettingsError.

    `timeout` limits each read in seconds; `fetch` needs none, because it limits the whole exchange.

    Proxies of the environment are ignored: they are for requests that leave the cluster, and these carry
    secrets and tokens. SSL_CERT_FILE and SSL_CERT_DIR name the trusted authorities.
    """
    return httpx2.AsyncClient(
        auth=auth,
        timeout=timeout,
        transport=transport or _direct_transport(),
        trust_env=False,  # of the client, which would use proxies
    )


async def fetch(  # noqa: PLR0913 - the parts of a request
    client: httpx2.AsyncClient,
    url: str,
    *,
    max_bytes: int,
    timeout: float,  # noqa: ASYNC109 - the time limit is what this function is for
    accept: Sequence[int] = (200,),
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str | Sequence[str]] | None = None,
    data: Mapping[str, str] | None = None,
) -> FetchedResponse:
    """Send a request and read at most `max_bytes` of its decoded body within `timeout` seconds.

    `data` is sent as a form. Raises FetchError, also for a status that is not in `accept`.
    """
    try:
        async with (
            asyncio.timeout(timeout),
            client.stream(method, url, headers=headers, params=params, data=data) as response,
        ):
            if response.status_code not in accept:
                raise FetchError(f"status {response.status_code}")
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > max_bytes:
                    raise FetchError(f"longer than {max_bytes} bytes")
            return FetchedResponse(response.status_code, response.headers, bytes(content))
    except TimeoutError:
        raise FetchError(f"no response within {timeout:g} s") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise FetchError(type(error).__name__) from error


def _direct_transport() -> httpx2.AsyncHTTPTransport:
    try:
        return httpx2.AsyncHTTPTransport(trust_env=True)  # of the transport, which reads SSL_CERT_*
    except OSError as error:
        raise SettingsError(
            f"SSL_CERT_FILE or SSL_CERT_DIR cannot be used: {error.strerror or error}"
        ) from None
