"""The rules of asking for a captcha.

It stands before the limits on guessing and replaces none of them: a solved one shortens no wait. So its
service may be away, and tokens may be for sale, and a password is as hard to guess as without.
"""

import re
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from doorward_auth.captcha.answer import CaptchaToken
from doorward_auth.captcha.errors import CaptchaFailedError, CaptchaRequiredError, CaptchaUnavailableError
from doorward_auth.captcha.metrics import CaptchaMetrics
from doorward_auth.captcha.provider import Provider, ProviderUnavailableError
from doorward_auth.captcha.settings import CaptchaAction, CaptchaSettings, OnProviderError
from doorward_auth.rate_limiting.limits import CAPTCHAS_BY_SOURCE, Subject
from doorward_auth.rate_limiting.service import RateLimiter
from doorward_client.request_context import current_address
from doorward_kit.app import run_on_shutdown

log = structlog.get_logger(__name__)

_TOKEN: Final = re.compile(r"[!-~]{1,8192}")
"""What the tokens of any service look like. What does not is not sent there."""

_SOURCE_MULTIPLIER: Final = 10
"""An address has the failures of all who sit behind it."""


class Captcha:
    """Lets through who has shown to be human, where that is asked for; everybody, while it is off."""

    def __init__(self, settings: CaptchaSettings, throttle: RateLimiter, registry: CollectorRegistry) -> None:
        self._throttle = throttle
        self._doors: frozenset[CaptchaAction] = frozenset()
        self._failures = settings.captcha_login_failures
        self._when_away = settings.captcha_on_error
        url, secret = settings.captcha_verify_url, settings.captcha_secret
        if url is not None and secret is not None:
            self._doors = frozenset(settings.captcha_required_for)
            self._metrics = CaptchaMetrics(registry)
            self._provider = Provider(
                url, secret.get_secret_value(), timeout=settings.captcha_timeout_seconds
            )

    async def run(self) -> None:
        """Close what was opened, once the process serves no more."""
        if self._doors:
            await run_on_shutdown(self._provider.close)

    async def require(self, door: CaptchaAction, answer: CaptchaToken) -> None:
        """Let a request through this door.

        Raises CaptchaRequiredError without a token and CaptchaFailedError with one that does not count;
        TooManyAttemptsError after many of these; CaptchaUnavailableError where the settings say so.
        """
        if door in self._doors:
            await self._judge(answer)

    async def require_after_failures(self, account: Subject, source: Subject, answer: CaptchaToken) -> None:
        """Let somebody try a password from a device that the account does not know; raises as `require` does.

        Of many at once some may pass before the first failure is counted: how many are answered is for the
        limits on guessing.
        """
        if CaptchaAction.LOGIN in self._doors and await self._have_failed(account, source):
            await self._judge(answer)

    async def _have_failed(self, account: Subject, source: Subject) -> bool:
        of_account, of_source = await self._throttle.counts([account, source])
        return of_account >= self._failures or of_source >= self._failures * _SOURCE_MULTIPLIER

    async def _judge(self, answer: CaptchaToken) -> None:
        if answer.is_accepted:
            return
        if answer.token is None:
            self._metrics.judged("missing")
            raise CaptchaRequiredError
        # Each costs a request to somebody else's service, who may come to refuse ours.
        source = Subject.of_source(CAPTCHAS_BY_SOURCE, current_address())
        await self._throttle.check([source])
        try:
            answer.is_accepted = await self._is_good(answer.token)
        except ProviderUnavailableError as error:
            self._metrics.judged("unavailable")
            log.warning("captcha.unavailable", reason=str(error))
            if self._when_away is OnProviderError.DENY:
                raise CaptchaUnavailableError from None
            answer.is_accepted = True
            return
        self._metrics.judged("passed" if answer.is_accepted else "failed")
        if not answer.is_accepted:
            await self._throttle.claim([source])
            raise CaptchaFailedError

    async def _is_good(self, token: str) -> bool:
        return _TOKEN.fullmatch(token) is not None and await self._provider.confirms(token)
