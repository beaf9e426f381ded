"""The service client that an endpoint for services is called by."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBase
from fastapi.security.base import SecurityBase

from doorward_auth.service_clients.service import ServiceClients
from doorward_kit.dependencies import provide

ServiceClientsDep = Annotated[ServiceClients, provide(ServiceClients)]


class BasicClient(SecurityBase):
    """Documents HTTP Basic authentication in OpenAPI, and reads its header."""

    def __init__(self) -> None:
        self.model = HTTPBase(scheme="basic", description="A registered service client: its id and secret.")
        self.scheme_name = "client"

    async def __call__(self, request: Request) -> str | None:
        """Return the one Authorization header, None for none or several."""
        headers = request.headers.getlist("authorization")
        return headers[0] if len(headers) == 1 else None


async def _calling_client(
    header: Annotated[str | None, Depends(BasicClient())], clients: ServiceClientsDep
) -> str:
    """Return the client's id; raises as ServiceClients.authenticate does."""
    return await clients.authenticate(header)


CallingClient = Annotated[str, Depends(_calling_client)]
