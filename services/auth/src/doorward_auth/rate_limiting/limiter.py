"""The rate limiter of auth."""

from doorward_identity.errors import TooManyAttemptsError
from doorward_identity.tables import rate_limits
from doorward_kit.metrics import Metrics
from doorward_kit.rate_limiting.limiter import RateLimiter


class AuthRateLimiter(RateLimiter):
    """Counts in `rate_limits` of the identity database; raises TooManyAttemptsError."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(rate_limits, metrics, TooManyAttemptsError)
