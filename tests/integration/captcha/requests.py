"""Requests that may require a captcha."""

import itertools
from collections.abc import Awaitable, Callable
from typing import Final

from integration.rate_limiting.callers import REGISTER, RESEND, RESET, Answer, Auths, new_email

Ask = Callable[[Auths, str, str | None], Awaitable[Answer]]

HEADER: Final = "Captcha-Token"
_numbers: Final = itertools.count(1)


def good_token() -> str:
    """Return a token that is valid once."""
    return f"good-token-{next(_numbers)}"


def with_token(token: str | None) -> dict[str, str]:
    return {} if token is None else {HEADER: token}


async def register(auths: Auths, source: str, token: str | None) -> Answer:
    body = {"email": new_email(), "name": "Somebody", "password": "an unheard-of phrase"}
    return await auths.call("POST", REGISTER, body, source=source, headers=with_token(token))


async def ask_again(auths: Auths, source: str, token: str | None) -> Answer:
    return await auths.call("POST", RESEND, {"email": new_email()}, source=source, headers=with_token(token))


async def ask_for_reset(auths: Auths, source: str, token: str | None) -> Answer:
    return await auths.call("POST", RESET, {"email": new_email()}, source=source, headers=with_token(token))


ASKS: Final[list[Ask]] = [register, ask_again, ask_for_reset]
