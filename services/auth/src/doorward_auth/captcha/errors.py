"""Errors of requests without a valid captcha token."""

from doorward_client.errors import DoorwardError, UnavailableError


class CaptchaRequiredError(DoorwardError):
    """403: the same request succeeds with the token of a solved captcha."""

    status = 403
    code = "captcha_required"
    detail = "Solve the captcha and send its token in the `Captcha-Token` header."


class CaptchaFailedError(DoorwardError):
    """403: the token was never valid, has expired, or was used before."""

    status = 403
    code = "captcha_failed"
    detail = "The captcha token is invalid or expired. Solve it again."


class CaptchaUnavailableError(UnavailableError):
    """503: the provider does not answer, and the settings deny requests meanwhile."""

    code = "captcha_unavailable"
    detail = "The captcha cannot be checked right now. Try again shortly."
