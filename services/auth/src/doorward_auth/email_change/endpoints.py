"""Endpoints of changing an email address."""

from typing import Annotated, Final

from pydantic import Field, SecretStr
from starlette.responses import Response

from doorward_auth.bodies import AcceptedResponse
from doorward_auth.email_change.service import EmailChangeService
from doorward_client.bearer_auth import CurrentUser
from doorward_identity.emails import EmailAddress
from doorward_kit.accept_language import Locale
from doorward_kit.dependencies import provide
from doorward_kit.routing import StrictModel, api_router

EmailChanges = Annotated[EmailChangeService, provide(EmailChangeService)]

router = api_router(prefix="/api/v1/auth", tag="email")

_ACCEPTED: Final = "If the address is free, a mail with a code is on its way to it."


class EmailChangeRequest(StrictModel):
    """A new address, with the password."""

    email: EmailAddress
    password: SecretStr = Field(min_length=1, max_length=1024, examples=["correct horse battery staple"])


class EmailConfirmationRequest(StrictModel):
    """The code that was mailed to the new address."""

    pin: SecretStr = Field(
        min_length=1,
        max_length=128,
        description="The code of the mail: six digits, or a long one.",
        examples=["123456"],
    )


@router.post("/email", status_code=202, summary="Request another email address")
async def request_email_change(
    body: EmailChangeRequest, caller: CurrentUser, locale: Locale, changes: EmailChanges
) -> AcceptedResponse:
    """Mail a code to the new address. The account keeps the old one until the code is entered."""
    await changes.request(caller, body.email, body.password.get_secret_value(), locale)
    return AcceptedResponse(detail=_ACCEPTED)


@router.patch("/email", status_code=204, summary="Confirm the new address with the code")
async def confirm_email_change(
    body: EmailConfirmationRequest, caller: CurrentUser, changes: EmailChanges
) -> Response:
    """Change the address. Every other session ends, and a mail notifies the old address."""
    await changes.confirm(caller, body.pin.get_secret_value())
    return Response(status_code=204)
