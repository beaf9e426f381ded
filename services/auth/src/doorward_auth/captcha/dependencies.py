"""Where clients send a captcha's token."""

from typing import Annotated

from fastapi import Depends, Header

from doorward_auth.captcha.service import CaptchaToken

_Token = Annotated[
    str | None,
    Header(
        alias="Captcha-Token",
        description="The token of a solved captcha, where the installation asks for one (403"
        " `captcha_required`). Any text, such as `unavailable`, if the captcha does not load.",
    ),
]


async def _token(token: _Token = None) -> CaptchaToken:
    return CaptchaToken(token)


CaptchaHeader = Annotated[CaptchaToken, Depends(_token)]
