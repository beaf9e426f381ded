"""Endpoints of registration and invitation."""

from typing import Annotated, Final

from doorward_auth.bodies import AcceptedResponse, DeviceTokenResponse
from doorward_auth.captcha.dependencies import CaptchaHeader
from doorward_auth.registration.invitations import InvitationService
from doorward_auth.registration.schemas import (
    InvitationAcceptRequest,
    RegistrationRequest,
    RegistrationResponse,
    ResendRequest,
    VerificationRequest,
)
from doorward_auth.registration.service import RegistrationService
from doorward_kit.accept_language import Locale
from doorward_kit.dependencies import provide
from doorward_kit.routing import api_router
from doorward_kit.uploads import FormImage, FormRoute, form_body

Registrations = Annotated[RegistrationService, provide(RegistrationService)]
Invitations = Annotated[InvitationService, provide(InvitationService)]

router = api_router(prefix="/api/v1/auth", tag="registration")
form_router = api_router(prefix="/api/v1/auth", tag="registration", route_class=FormRoute)

_REGISTERED: Final = "A mail is on its way. Its code creates the account."
_RESENT: Final = "A mail is on its way. After several in a day, use the code of the last one."


@form_router.post(
    "/register",
    status_code=202,
    openapi_extra=form_body("email", "password", optional=["name"]),
    summary="Register",
)
async def register(
    body: RegistrationRequest,
    image: FormImage,
    locale: Locale,
    registrations: Registrations,
    captcha: CaptchaHeader,
) -> RegistrationResponse:
    """Register for an account, with JSON or an HTML form, which may have a picture.

    The answer is the same whether or not the address has an account.
    """
    token = await registrations.register(body, image, locale, captcha)
    return RegistrationResponse(detail=_REGISTERED, registration_token=str(token))


@router.post("/verify-email", summary="Verify an address with the mailed code")
async def verify_email(body: VerificationRequest, registrations: Registrations) -> DeviceTokenResponse:
    """Create the account of the address that the code was mailed to. Any mailed code works, for a day.

    The password is that of the caller's own registration (`registration_token`), or `password`.
    """
    return DeviceTokenResponse(device_token=str(await registrations.verify(body)))


@router.post("/verify-email/resend", status_code=202, summary="Send the verification mail again")
async def resend_verification(
    body: ResendRequest, locale: Locale, registrations: Registrations, captcha: CaptchaHeader
) -> AcceptedResponse:
    """Mail the code of an address again. Codes of earlier mails work as well."""
    await registrations.resend(body.email, locale, captcha)
    return AcceptedResponse(detail=_RESENT)


@router.post("/invitations/accept", summary="Accept an invitation")
async def accept_invitation(body: InvitationAcceptRequest, invitations: Invitations) -> DeviceTokenResponse:
    """Choose the first password of an account that an administrator has created."""
    device = await invitations.accept(body.code.get_secret_value(), body.password.get_secret_value())
    return DeviceTokenResponse(device_token=str(device))
