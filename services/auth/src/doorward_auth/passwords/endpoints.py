"""Endpoints of changing passwords."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from doorward_auth.captcha.header import CaptchaHeader
from doorward_auth.dependencies import Locale, Passwords, Resets
from doorward_auth.passwords.schemas import Accepted, PasswordChange, Reset, ResetDone, ResetRequest
from doorward_client.bearer_auth import BearerToken
from doorward_client.tokens import Claims
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth", tag="passwords")

ACCEPTED = "If the address is known, a mail is on its way."

_bearer = BearerToken()


async def _caller_if_any(request: Request) -> Claims | None:
    return await _bearer(request) if "authorization" in request.headers else None


@router.post("/password", status_code=204, summary="Change a password")
async def change_password(
    body: PasswordChange,
    caller: Annotated[Claims | None, Depends(_caller_if_any)],
    passwords: Passwords,
    captcha: CaptchaHeader,
) -> Response:
    """Change one's password: with an access token, or with the email address instead.

    Every other session ends, and a mail tells the account's owner.
    """
    current, new = body.current_password.get_secret_value(), body.new_password.get_secret_value()
    if caller is not None and body.email is None:
        await passwords.change_own(caller, current, new)
    elif body.email is not None:
        known = None if body.device_token is None else body.device_token.get_secret_value()
        await passwords.change(body.email, current, new, device_token=known, captcha=captcha)
    else:
        raise RequestValidationError(
            [{"loc": ("body", "email"), "type": "missing", "msg": "Field required without an access token"}]
        )
    return Response(status_code=204)


@router.post("/password/reset", status_code=202, summary="Ask for a code by mail")
async def ask_for_reset(
    body: ResetRequest, locale: Locale, resets: Resets, captcha: CaptchaHeader
) -> Accepted:
    """Mail six digits, good for ten minutes. The answer is the same whether or not the address is known."""
    await resets.ask(body.email, locale, captcha)
    return Accepted(detail=ACCEPTED)


@router.patch("/password/reset", summary="Choose a new password with the code")
async def reset(body: Reset, resets: Resets) -> ResetDone:
    """Set a new password. Every session ends, and a mail tells the account's owner."""
    device = await resets.reset(body.email, body.pin.get_secret_value(), body.new_password.get_secret_value())
    return ResetDone(device_token=str(device))
