"""What a request brings in answer to the captcha."""

from dataclasses import dataclass


@dataclass(slots=True)
class CaptchaToken:
    """The token of a solved captcha, or None. A token counts once, also where a request asks twice."""

    token: str | None
    is_accepted: bool = False
