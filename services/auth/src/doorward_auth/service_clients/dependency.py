"""The dependency that endpoints for services name."""

from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBase
from fastapi.security.base import SecurityBase

from doorward_auth.service_clients.registry import ClientRegistry, InvalidClientError

log = structlog.get_logger(__name__)


class BasicClient(SecurityBase):
    """The one place where a service client is authenticated. Documents itself in OpenAPI."""

    def __init__(self) -> None:
        self.model = HTTPBase(scheme="basic", description="A registered service client: its id and secret.")
        self.scheme_name = "client"

    async def __call__(self, request: Request) -> str:
        """Return the client's id; raises InvalidClientError."""
        registry: ClientRegistry = request.app.state.services.clients
        headers = request.headers.getlist("authorization")
        try:
            return registry.authenticate(headers[0] if len(headers) == 1 else None)
        except InvalidClientError:
            log.warning("client.rejected")
            raise


CallingClient = Annotated[str, Depends(BasicClient())]
