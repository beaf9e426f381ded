"""Endpoints of consents."""

from datetime import datetime
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field
from starlette.responses import Response

from doorward_auth.oidc.consents.service import ConsentService
from doorward_client.bearer_auth import CurrentUser
from doorward_identity.oauth_tables import CLIENT_ID_LENGTH
from doorward_kit.dependencies import provide
from doorward_kit.pagination import Page
from doorward_kit.routing import api_router

Consents = Annotated[ConsentService, provide(ConsentService)]

router = api_router(prefix="/api/v1/auth", tag="openid")

ClientId = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]+$", max_length=CLIENT_ID_LENGTH)]


class AllowedApplication(BaseModel):
    """The scopes that the caller has allowed an application."""

    client_id: str
    name: str
    scopes: list[str] = Field(examples=[["openid", "email"]])
    granted_at: datetime


@router.get("/consents", summary="List the applications that have your consent")
async def list_consents(caller: CurrentUser, consents: Consents) -> Page[AllowedApplication]:
    """List up to 200 on one page. Applications of the installation itself ask for no consent."""
    found = await consents.list_of(caller.user_id)
    items = [
        AllowedApplication(
            client_id=consent.client_id,
            name=consent.client_name,
            scopes=list(consent.scopes),
            granted_at=consent.granted_at,
        )
        for consent in found
    ]
    return Page(items=items, next_cursor=None)


@router.delete("/consents/{client_id}", status_code=204, summary="Withdraw a consent")
async def withdraw_consent(client_id: ClientId, caller: CurrentUser, consents: Consents) -> Response:
    """End your sessions at the application, too. It needs a new consent."""
    await consents.withdraw(caller.user_id, client_id)
    return Response(status_code=204)
