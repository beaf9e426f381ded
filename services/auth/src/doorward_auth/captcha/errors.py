"""Refusals of who has not shown to be human."""

from doorward_client.errors import DoorwardError, UnavailableError


class CaptchaRequiredError(DoorwardError):
    """403: the same request with an answer to the challenge is taken."""

    status = 403
    code = "captcha_required"
    detail = "Solve the captcha and send its token in the `Captcha-Token` header."


class CaptchaFailedError(DoorwardError):
    """403: the token was never good, is too old, or was used before."""

    status = 403
    code = "captcha_failed"
    detail = "The captcha's token does not count. Solve it once more."


class CaptchaUnavailableError(UnavailableError):
    """503: nobody can say whether the token counts, and nobody is let through without."""

    code = "captcha_unavailable"
    detail = "The captcha cannot be checked right now. Try again shortly."
