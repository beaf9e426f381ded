"""A token counts once, also where one request asks twice."""

from collections.abc import Sequence
from typing import cast

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from doorward_auth.captcha.answer import CaptchaToken
from doorward_auth.captcha.errors import CaptchaFailedError
from doorward_auth.captcha.provider import Provider
from doorward_auth.captcha.service import Captcha
from doorward_auth.captcha.settings import CaptchaAction, CaptchaSettings
from doorward_auth.rate_limiting.limits import LOGIN_BY_SOURCE, LOGIN_UNKNOWN_DEVICES, Subject
from doorward_auth.rate_limiting.service import RateLimiter

ACCOUNT = Subject.of(LOGIN_UNKNOWN_DEVICES, "ada@example.com")
SOURCE = Subject.of(LOGIN_BY_SOURCE, "192.0.2.1")


class FakeProvider:
    """Takes each token once."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def confirms(self, token: str) -> bool:
        self.asked.append(token)
        return self.asked.count(token) == 1


class FakeThrottle:
    """Has counted what it is told to, and keeps nobody waiting."""

    def __init__(self, counts: Sequence[int] = (100, 100)) -> None:
        self._counts = counts
        self.asked = 0
        self.claimed = 0

    async def counts(self, subjects: Sequence[Subject]) -> Sequence[int]:
        assert subjects == [ACCOUNT, SOURCE]
        self.asked += 1
        return self._counts

    async def check(self, subjects: Sequence[Subject]) -> None:
        pass

    async def claim(self, subjects: Sequence[Subject]) -> None:
        self.claimed += len(subjects)


def captcha_of(provider: FakeProvider, throttle: FakeThrottle, *, failures: int = 3) -> Captcha:
    settings = CaptchaSettings(
        captcha_verify_url="https://captcha.example/siteverify",
        captcha_secret=SecretStr("s"),
        captcha_login_failures=failures,
    )
    captcha = Captcha(settings, cast("RateLimiter", throttle), CollectorRegistry())
    captcha._provider = cast("Provider", provider)
    return captcha


async def test_request_that_asks_twice_shows_its_token_once() -> None:
    provider, throttle = FakeProvider(), FakeThrottle()
    captcha, answer = captcha_of(provider, throttle), CaptchaToken("good")
    for _ in range(2):
        await captcha.require_after_failures(ACCOUNT, SOURCE, answer)
    assert provider.asked == ["good"]
    with pytest.raises(CaptchaFailedError):
        await captcha.require(CaptchaAction.REGISTER, CaptchaToken("good"))
    assert throttle.claimed == 1


@pytest.mark.parametrize(
    ("failures", "counts", "is_asked"),
    [
        (3, (2, 0), False),
        (3, (3, 0), True),
        (3, (0, 29), False),
        (3, (0, 30), True),
        (0, (0, 0), True),
    ],
)
async def test_account_and_address_have_their_numbers(
    failures: int, counts: tuple[int, int], *, is_asked: bool
) -> None:
    provider = FakeProvider()
    captcha = captcha_of(provider, FakeThrottle(counts), failures=failures)
    await captcha.require_after_failures(ACCOUNT, SOURCE, CaptchaToken("good"))
    assert bool(provider.asked) is is_asked


async def test_while_it_is_off_nothing_is_asked_of_anybody() -> None:
    throttle, registry = FakeThrottle(), CollectorRegistry()
    captcha = Captcha(CaptchaSettings(), cast("RateLimiter", throttle), registry)
    await captcha.require(CaptchaAction.REGISTER, CaptchaToken(None))
    await captcha.require_after_failures(ACCOUNT, SOURCE, CaptchaToken(None))
    await captcha.run()
    assert throttle.asked == 0
    assert list(registry.collect()) == []
