"""Endpoints of changing an address."""

from starlette.responses import Response

from doorward_auth.dependencies import EmailChanges, Locale
from doorward_auth.email_change.schemas import EmailChange, EmailConfirmation
from doorward_auth.passwords.schemas import Accepted
from doorward_client.bearer_auth import CurrentUser
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth", tag="email")

_ACCEPTED = "If the address is free, a mail with a code is on its way to it."


@router.post("/email", status_code=202, summary="Ask for another email address")
async def ask(body: EmailChange, caller: CurrentUser, locale: Locale, changes: EmailChanges) -> Accepted:
    """Mail a code to the new address. The account keeps the old one until the code is entered."""
    await changes.ask(caller, body.email, body.password.get_secret_value(), locale)
    return Accepted(detail=_ACCEPTED)


@router.patch("/email", status_code=204, summary="Confirm the new address with the code")
async def confirm(body: EmailConfirmation, caller: CurrentUser, changes: EmailChanges) -> Response:
    """Change the address. A mail to the one before says so."""
    await changes.confirm(caller, body.pin.get_secret_value())
    return Response(status_code=204)
