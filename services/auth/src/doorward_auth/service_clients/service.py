"""Authentication of service clients."""

from doorward_auth.oauth_errors import InvalidClientError
from doorward_auth.service_clients.registry import ClientRegistry, named_client
from doorward_auth.service_clients.rejections import ClientRejections


class ServiceClients:
    """The clients of the settings. Failed authentications are counted."""

    def __init__(self, registry: ClientRegistry, rejections: ClientRejections) -> None:
        self._registry = registry
        self._rejections = rejections

    def names(self, header: str | None) -> bool:
        """Tell whether an Authorization header is from one of these clients, by what it says."""
        return self._registry.names(header)

    async def authenticate(self, header: str | None) -> str:
        """Return the client that an Authorization header proves.

        Raises InvalidClientError, TooManyClientFailuresError.
        """
        try:
            return self._registry.authenticate(header)
        except InvalidClientError:
            client_id = named_client(header)
            if client_id is not None:
                await self._rejections.reject(client_id)
            raise
