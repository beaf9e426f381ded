"""Endpoints of registration and invitation."""

from typing import Final

from starlette.responses import Response

from doorward_auth.bodies import AcceptedResponse
from doorward_auth.captcha.dependencies import CaptchaHeader
from doorward_auth.registration.dependencies import Registrations
from doorward_auth.registration.schemas import (
    InvitationAcceptRequest,
    RegistrationRequest,
    ResendRequest,
    VerificationRequest,
)
from doorward_kit.accept_language import Locale
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth", tag="registration")

_REGISTERED: Final = "A mail is on its way. Its code creates the account."
_RESENT: Final = "If the address was registered, a mail is on its way."


@router.post("/register", status_code=202, summary="Register")
async def register(
    body: RegistrationRequest, locale: Locale, registrations: Registrations, captcha: CaptchaHeader
) -> AcceptedResponse:
    """Register for an account. The answer is the same whether or not the address has one."""
    await registrations.register(body, locale, captcha)
    return AcceptedResponse(detail=_REGISTERED)


@router.post("/verify-email", status_code=204, summary="Verify an address with the mailed code")
async def verify_email(body: VerificationRequest, registrations: Registrations) -> Response:
    """Turn a registration into an account that can log in."""
    await registrations.verify(body.code.get_secret_value())
    return Response(status_code=204)


@router.post("/verify-email/resend", status_code=202, summary="Send the verification mail again")
async def resend(
    body: ResendRequest, locale: Locale, registrations: Registrations, captcha: CaptchaHeader
) -> AcceptedResponse:
    """Mail a new code for the newest registration of an address; it replaces the code before."""
    await registrations.resend(body.email, locale, captcha)
    return AcceptedResponse(detail=_RESENT)


@router.post("/invitations/accept", status_code=204, summary="Accept an invitation")
async def accept(body: InvitationAcceptRequest, registrations: Registrations) -> Response:
    """Choose the first password of an account that an administrator has created."""
    await registrations.accept(body.code.get_secret_value(), body.password.get_secret_value())
    return Response(status_code=204)
