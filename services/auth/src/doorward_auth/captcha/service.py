"""The rules of asking for a captcha.

A captcha comes on top of the rate limits and replaces none of them: a solved one shortens no wait. If the
provider is down, or tokens are for sale, a password is as hard to guess as without.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog
from prometheus_client import Counter

from doorward_auth.captcha.client import CaptchaClient, ProviderUnavailableError
from doorward_auth.captcha.errors import CaptchaFailedError, CaptchaRequiredError, CaptchaUnavailableError
from doorward_auth.captcha.settings import CaptchaAction, CaptchaSettings, OnProviderError
from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_auth.rate_limiting.limits import CAPTCHAS_BY_SOURCE
from doorward_client.request_context import current_address, note_rejection
from doorward_kit.app import AppResources
from doorward_kit.rate_limiting.limits import LimitKey
from doorward_kit.shutdown import run_on_shutdown

log = structlog.get_logger(__name__)

_TOKEN: Final = re.compile(r"[!-~]{1,8192}")
"""The form of every provider's tokens. Other text is not sent to the provider."""

_SOURCE_MULTIPLIER: Final = 10
"""Many users can share one address, so its threshold is ten times higher."""


@dataclass(slots=True)
class CaptchaToken:
    """The token that a request carries, or None. It is verified once, also if the request asks twice."""

    token: str | None
    is_verified: bool = False


class _Outcome(StrEnum):
    """The result of a request that needed a captcha."""

    PASSED = "passed"
    FAILED = "failed"
    MISSING = "missing"
    UNAVAILABLE = "unavailable"


class Captcha:
    """Requires a verified token where the settings ask for one; off, it requires nothing."""

    def __init__(self, settings: CaptchaSettings, resources: AppResources, limiter: AuthRateLimiter) -> None:
        self._database = resources.database
        self._limiter = limiter
        self._actions: frozenset[CaptchaAction] = frozenset()
        self._failures = settings.captcha_login_failures
        self._on_error = settings.captcha_on_error
        url, secret = settings.captcha_verify_url, settings.captcha_secret
        if url is not None and secret is not None:
            self._actions = frozenset(settings.captcha_required_for)
            self._verifications = Counter(
                "doorward_captcha_verifications",
                "Requests that needed a captcha: passed, failed, missing, or unavailable.",
                ("outcome",),
                registry=resources.metrics.registry,
            )
            for outcome in _Outcome:
                self._verifications.labels(outcome.value)  # at 0: an increase needs a first value
            self._client = CaptchaClient(
                url, secret.get_secret_value(), timeout=settings.captcha_timeout_seconds
            )

    async def run(self) -> None:
        """Close the provider's connections when the process stops: a background task."""
        if self._actions:
            await run_on_shutdown(self._client.close)

    def asks_for(self, action: CaptchaAction) -> bool:
        """Tell whether an action needs a token, a login only after failures."""
        return action in self._actions

    async def require(self, action: CaptchaAction, token: CaptchaToken) -> None:
        """Require a token for an action.

        Raises CaptchaRequiredError without a token and CaptchaFailedError with an invalid one;
        TooManyAttemptsError after many of these; CaptchaUnavailableError if the settings say so.
        """
        if action in self._actions:
            await self._verify(token)

    async def require_after_failures(self, of_account: int, of_source: int, token: CaptchaToken) -> None:
        """Require a token for a login after so many failures; raises as `require` does.

        Of many logins at once some may pass before the first failure is counted: the rate limits decide
        how many are answered.
        """
        has_failed = of_account >= self._failures or of_source >= self._failures * _SOURCE_MULTIPLIER
        if CaptchaAction.LOGIN in self._actions and has_failed:
            await self._verify(token)

    async def _verify(self, token: CaptchaToken) -> None:
        if token.is_verified:
            return
        if token.token is None:
            self._count(_Outcome.MISSING)
            note_rejection()
            raise CaptchaRequiredError
        # Each one costs a request to the provider, which may come to reject ours.
        keys = [LimitKey.of_source(CAPTCHAS_BY_SOURCE, current_address())]
        await self._database.read(lambda connection: self._limiter.check(connection, keys))
        try:
            token.is_verified = await self._is_valid(token.token)
        except ProviderUnavailableError as error:
            self._count(_Outcome.UNAVAILABLE)
            log.warning("captcha.unavailable", reason=str(error))
            if self._on_error is OnProviderError.DENY:
                raise CaptchaUnavailableError from None
            token.is_verified = True
            return
        self._count(_Outcome.PASSED if token.is_verified else _Outcome.FAILED)
        if not token.is_verified:
            await self._database.write(lambda connection: self._limiter.acquire(connection, keys))
            raise CaptchaFailedError

    async def _is_valid(self, token: str) -> bool:
        return _TOKEN.fullmatch(token) is not None and await self._client.verify(token)

    def _count(self, outcome: _Outcome) -> None:
        self._verifications.labels(outcome.value).inc()
