"""A token is verified once, even if one request checks it twice."""

from collections.abc import Iterator
from typing import cast

import pytest
from pydantic import SecretStr

from doorward_auth.captcha.client import CaptchaClient
from doorward_auth.captcha.errors import CaptchaFailedError
from doorward_auth.captcha.service import Captcha, CaptchaToken
from doorward_auth.captcha.settings import CaptchaAction, CaptchaSettings
from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_identity.resources import IdentityResources
from doorward_identity.settings import IdentitySettings


class FakeClient:
    """Accepts each token once."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    async def verify(self, token: str) -> bool:
        self.tokens.append(token)
        return self.tokens.count(token) == 1


class FakeLimiter:
    """Never blocks, and counts acquisitions."""

    def __init__(self) -> None:
        self.acquired = 0

    def check(self, _connection: object, _keys: object) -> list[int]:
        return [0]

    def acquire(self, _connection: object, keys: list[object]) -> None:
        self.acquired += len(keys)


@pytest.fixture
def resources() -> Iterator[IdentityResources]:
    settings = IdentitySettings(
        database_url=SecretStr("sqlite://"), secret_key=SecretStr("unit tests only: 0123456789abcdefghij")
    )
    resources = IdentityResources(settings)
    yield resources
    resources.close()


def captcha_of(
    resources: IdentityResources, client: FakeClient, limiter: FakeLimiter, *, failures: int = 3
) -> Captcha:
    settings = CaptchaSettings(
        captcha_verify_url="https://captcha.example/siteverify",
        captcha_secret=SecretStr("s"),
        captcha_login_failures=failures,
    )
    captcha = Captcha(settings, resources, cast("AuthRateLimiter", limiter))
    captcha._client = cast("CaptchaClient", client)
    return captcha


async def test_a_request_that_checks_twice_verifies_its_token_once(resources: IdentityResources) -> None:
    client, limiter = FakeClient(), FakeLimiter()
    captcha, token = captcha_of(resources, client, limiter), CaptchaToken("good")
    for _ in range(2):
        await captcha.require_after_failures(100, 100, token)
    assert client.tokens == ["good"]
    with pytest.raises(CaptchaFailedError):
        await captcha.require(CaptchaAction.REGISTER, CaptchaToken("good"))
    assert limiter.acquired == 1


@pytest.mark.parametrize(
    ("failures", "counts", "is_required"),
    [
        (3, (2, 0), False),
        (3, (3, 0), True),
        (3, (0, 29), False),
        (3, (0, 30), True),
        (0, (0, 0), True),
    ],
)
async def test_account_and_ip_have_separate_thresholds(
    resources: IdentityResources, failures: int, counts: tuple[int, int], *, is_required: bool
) -> None:
    client = FakeClient()
    captcha = captcha_of(resources, client, FakeLimiter(), failures=failures)
    await captcha.require_after_failures(*counts, CaptchaToken("good"))
    assert bool(client.tokens) is is_required


async def test_without_configuration_no_captcha_is_required(resources: IdentityResources) -> None:
    captcha = Captcha(CaptchaSettings(), resources, cast("AuthRateLimiter", FakeLimiter()))
    await captcha.require(CaptchaAction.REGISTER, CaptchaToken(None))
    await captcha.require_after_failures(100, 100, CaptchaToken(None))
    await captcha.run()
    assert resources.metrics.registry.get_sample_value("doorward_captcha_verifications_total") is None
