"""Endpoints of registered clients."""

import uuid
from typing import Annotated, Final

from starlette.responses import Response

from doorward_auth.oidc.clients.schemas import (
    Client,
    ClientCreate,
    ClientPatch,
    CreatedClient,
    NewClientSecret,
)
from doorward_auth.oidc.clients.serializers import client_body, created_body, secret_body
from doorward_auth.oidc.clients.service import ClientService
from doorward_client.bearer_auth import requires
from doorward_client.permissions import Permission
from doorward_client.tokens import Claims
from doorward_kit.dependencies import provide
from doorward_kit.etags import IfMatch, IfNoneMatch, version_etag
from doorward_kit.pagination import Cursor, Limit, Page
from doorward_kit.responses import resource_response
from doorward_kit.routing import api_router

Clients = Annotated[ClientService, provide(ClientService)]

PREFIX: Final = "/api/v1/auth/clients"

ClientManager = Annotated[Claims, requires(Permission.CLIENTS_MANAGE)]

router = api_router(prefix=PREFIX, tag="clients")


@router.get("", summary="List clients")
async def list_clients(
    _caller: ClientManager, clients: Clients, cursor: Cursor = None, limit: Limit = 50
) -> Page[Client]:
    """List the registered clients by their client ids."""
    found, next_cursor = await clients.list_page(cursor, limit)
    return Page(items=[client_body(client) for client in found], next_cursor=next_cursor)


@router.post(
    "",
    status_code=201,
    response_model=CreatedClient,
    summary="Register a client",
)
async def create_client(body: ClientCreate, caller: ClientManager, clients: Clients) -> Response:
    """Register an application or a machine. The answer has its secret, which is never shown again."""
    found, secret = await clients.create(caller, body)
    created = created_body(found, secret).model_dump_json(exclude_none=secret is None)
    response = resource_response(
        created.encode("utf-8"),
        version_etag(found.client.version),
        status_code=201,
        location=f"{PREFIX}/{found.client.id}",
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@router.get("/{row_id}", response_model=Client, summary="Read a client")
async def get_client(
    row_id: uuid.UUID, _caller: ClientManager, clients: Clients, if_none_match: IfNoneMatch = None
) -> Response:
    """Read one client. With `If-None-Match`, 304 if it has not changed."""
    found = await clients.get(row_id)
    body = client_body(found).model_dump_json().encode("utf-8")
    return resource_response(body, version_etag(found.client.version), if_none_match=if_none_match)


@router.patch("/{row_id}", response_model=Client, summary="Change a client")
async def update_client(
    row_id: uuid.UUID, body: ClientPatch, caller: ClientManager, clients: Clients, if_match: IfMatch = None
) -> Response:
    """Change the members that the body contains. `client_id` and `kind` stay."""
    found = await clients.update(caller, row_id, body, if_match)
    changed = client_body(found).model_dump_json().encode("utf-8")
    return resource_response(changed, version_etag(found.client.version))


@router.delete("/{row_id}", status_code=204, response_class=Response, summary="Delete a client")
async def delete_client(
    row_id: uuid.UUID, caller: ClientManager, clients: Clients, if_match: IfMatch = None
) -> Response:
    """Delete a client. Its sessions end, and its users' consents are forgotten."""
    await clients.delete(caller, row_id, if_match)
    return Response(status_code=204)


@router.post("/{row_id}/secrets", status_code=201, summary="Add a secret to a client")
async def create_client_secret(
    row_id: uuid.UUID, caller: ClientManager, clients: Clients, response: Response
) -> NewClientSecret:
    """Make a second secret, which is shown this once. Delete the first when nothing uses it any more."""
    response.headers["Cache-Control"] = "no-store"
    return secret_body(*await clients.add_secret(caller, row_id))


@router.delete(
    "/{row_id}/secrets/{secret_id}",
    status_code=204,
    response_class=Response,
    summary="Delete a secret of a client",
)
async def delete_client_secret(
    row_id: uuid.UUID, secret_id: uuid.UUID, caller: ClientManager, clients: Clients
) -> Response:
    """Delete a secret. Access tokens that were issued with it live for their few minutes."""
    await clients.remove_secret(caller, row_id, secret_id)
    return Response(status_code=204)
