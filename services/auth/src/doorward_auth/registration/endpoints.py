"""Endpoints of registration and invitation."""

from starlette.responses import Response

from doorward_auth.captcha.header import CaptchaHeader
from doorward_auth.dependencies import Locale, Registrations
from doorward_auth.passwords.schemas import Accepted
from doorward_auth.registration.schemas import Acceptance, Registration, Resend, TokenVerificationService
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth", tag="registration")

_REGISTERED = "A mail is on its way. The account is there once its code has been entered."
_RESENT = "If somebody has registered with the address, a mail is on its way."


@router.post("/register", status_code=202, summary="Register")
async def register(
    body: Registration, locale: Locale, registrations: Registrations, captcha: CaptchaHeader
) -> Accepted:
    """Ask for an account. The answer is the same whether or not the address is known; its mail tells."""
    await registrations.register(body, locale, captcha)
    return Accepted(detail=_REGISTERED)


@router.post("/verify-email", status_code=204, summary="Prove an address with the code of the mail")
async def verify_email(body: TokenVerificationService, registrations: Registrations) -> Response:
    """Turn a registration into an account that can log in."""
    await registrations.verify(body.code.get_secret_value())
    return Response(status_code=204)


@router.post("/verify-email/resend", status_code=202, summary="Ask for the mail once more")
async def resend(
    body: Resend, locale: Locale, registrations: Registrations, captcha: CaptchaHeader
) -> Accepted:
    """Mail a new code for the newest registration of an address; the code before it counts no more."""
    await registrations.resend(body.email, locale, captcha)
    return Accepted(detail=_RESENT)


@router.post("/invitations/accept", status_code=204, summary="Accept an invitation")
async def accept(body: Acceptance, registrations: Registrations) -> Response:
    """Choose the first password of an account that an administrator made."""
    await registrations.accept(body.code.get_secret_value(), body.password.get_secret_value())
    return Response(status_code=204)
