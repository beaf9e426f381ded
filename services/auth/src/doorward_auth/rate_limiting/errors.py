"""Refusals of who asks too often."""

import math

from doorward_client.errors import DoorwardError


class TooManyAttemptsError(DoorwardError):
    """429, in the same words whether or not there is such an account."""

    status = 429
    code = "too_many_attempts"
    detail = "Too many attempts. Wait as long as `Retry-After` says."

    def __init__(self, seconds: float) -> None:
        super().__init__(headers={"Retry-After": str(max(1, math.ceil(seconds)))})
