"""Endpoints of changing passwords."""

from typing import Final

from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from doorward_auth.bodies import AcceptedResponse, DeviceTokenResponse
from doorward_auth.captcha.dependencies import CaptchaHeader
from doorward_auth.passwords.dependencies import OptionalCaller, Passwords, Resets
from doorward_auth.passwords.schemas import (
    PasswordChangeRequest,
    ResetCodeRequest,
    ResetRequest,
)
from doorward_kit.accept_language import Locale
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth", tag="passwords")

_ACCEPTED: Final = "If the address is known, a mail is on its way."


@router.post("/password", status_code=204, summary="Change a password")
async def change_password(
    body: PasswordChangeRequest, caller: OptionalCaller, passwords: Passwords, captcha: CaptchaHeader
) -> Response:
    """Change your password: with an access token, or with the email address instead.

    Every other session ends, and a mail notifies the owner.
    """
    current, new = body.current_password.get_secret_value(), body.new_password.get_secret_value()
    if caller is not None and body.email is None:
        await passwords.change_own(caller, current, new)
    elif body.email is not None:
        device_token = None if body.device_token is None else body.device_token.get_secret_value()
        await passwords.change(body.email, current, new, device_token=device_token, captcha=captcha)
    else:
        raise RequestValidationError(
            [{"loc": ("body", "email"), "type": "missing", "msg": "Field required without an access token"}]
        )
    return Response(status_code=204)


@router.post("/password/reset", status_code=202, summary="Request a reset code by mail")
async def request_password_reset(
    body: ResetCodeRequest, locale: Locale, resets: Resets, captcha: CaptchaHeader
) -> AcceptedResponse:
    """Mail a code: six digits for ten minutes, after wrong guesses a long one.

    The answer is the same whether or not the address is known.
    """
    await resets.request_code(body.email, locale, captcha)
    return AcceptedResponse(detail=_ACCEPTED)


@router.patch("/password/reset", summary="Choose a new password with the code")
async def reset_password(body: ResetRequest, resets: Resets) -> DeviceTokenResponse:
    """Set a new password. Every session ends, and a mail notifies the owner."""
    device = await resets.reset(body.email, body.pin.get_secret_value(), body.new_password.get_secret_value())
    return DeviceTokenResponse(device_token=str(device))
