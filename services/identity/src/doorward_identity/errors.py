"""Errors that auth and users share."""

from doorward_client.errors import DoorwardError
from doorward_kit.rate_limiting.limiter import retry_after


class TooManyAttemptsError(DoorwardError):
    """429, in the same words whether or not the account exists."""

    status = 429
    code = "too_many_attempts"
    detail = "Too many attempts. Wait as long as `Retry-After` says."

    def __init__(self, seconds: float) -> None:
        super().__init__(headers=retry_after(seconds))
        self.seconds = seconds
