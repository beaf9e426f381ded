"""The rate limiter of auth, and its error."""

from doorward_client.errors import DoorwardError
from doorward_identity.tables import rate_limits
from doorward_kit.metrics import Metrics
from doorward_kit.rate_limiting.limiter import RateLimiter, retry_after


class TooManyAttemptsError(DoorwardError):
    """429, in the same words whether or not the account exists."""

    status = 429
    code = "too_many_attempts"
    detail = "Too many attempts. Wait as long as `Retry-After` says."

    def __init__(self, seconds: float) -> None:
        super().__init__(headers=retry_after(seconds))
        self.seconds = seconds


class AuthRateLimiter(RateLimiter):
    """Counts in `rate_limits` of the identity database; raises TooManyAttemptsError."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(rate_limits, metrics, TooManyAttemptsError)
