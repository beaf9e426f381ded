"""Which store is asked, and what is made of its answers."""

from collections.abc import Sequence

import pytest
from pydantic import SecretStr

from doorward_auth.rate_limiting.backends import BackendUnavailableError
from doorward_auth.rate_limiting.errors import TooManyAttemptsError
from doorward_auth.rate_limiting.limits import CODE_GUESSES, LOGIN_BY_SOURCE, LOGIN_UNKNOWN_DEVICES, Subject
from doorward_auth.rate_limiting.service import RateLimiter
from doorward_identity.resources import IdentityResources
from doorward_identity.settings import IdentitySettings

ACCOUNT = Subject.of(LOGIN_UNKNOWN_DEVICES, "ada@example.com")
SOURCE = Subject.of(LOGIN_BY_SOURCE, "192.0.2.1")
CODES = Subject.of(CODE_GUESSES, "ada@example.com")


class FakeStore:
    """A store that answers what it is told to, and remembers what it was asked."""

    def __init__(self, waits: Sequence[float] = (), *, is_away: bool = False) -> None:
        self.answer = waits
        self.is_away = is_away
        self.claims: list[tuple[Sequence[Subject], bool]] = []
        self.looks = 0

    async def waits(self, subjects: Sequence[Subject]) -> Sequence[float]:
        self.looks += 1
        return self._answer(subjects)

    async def counts(self, subjects: Sequence[Subject]) -> Sequence[int]:
        return [int(wait) for wait in self._answer(subjects)]

    async def claim(self, subjects: Sequence[Subject], *, counts: bool) -> Sequence[float]:
        self.claims.append((subjects, counts))
        return self._answer(subjects)

    def _answer(self, subjects: Sequence[Subject]) -> Sequence[float]:
        if self.is_away:
            raise BackendUnavailableError
        return self.answer or [0.0] * len(subjects)


@pytest.fixture
def runtime() -> IdentityResources:
    settings = IdentitySettings(
        database_url=SecretStr("sqlite://"), secret_key=SecretStr("unit tests only: 0123456789abcdefghij")
    )
    return IdentityResources(settings)


def throttle_of(
    runtime: IdentityResources, database: FakeStore, redis: FakeStore | None = None
) -> RateLimiter:
    throttle = RateLimiter(runtime, None)
    throttle._database = database
    throttle._redis = redis
    return throttle


def sample(runtime: IdentityResources, name: str, limit: str) -> float:
    return (
        runtime.metrics.registry.get_sample_value(f"doorward_rate_limit_{name}_total", {"limit": limit}) or 0
    )


async def test_database_is_asked_where_there_is_no_redis(runtime: IdentityResources) -> None:
    database = FakeStore()
    await throttle_of(runtime, database).claim([ACCOUNT, SOURCE])
    assert database.claims == [([ACCOUNT, SOURCE], True)]


async def test_redis_is_asked_where_there_is_one(runtime: IdentityResources) -> None:
    database, redis = FakeStore(), FakeStore()
    throttle = throttle_of(runtime, database, redis)
    await throttle.check([ACCOUNT])
    await throttle.claim([ACCOUNT], counts=False)
    assert (redis.looks, redis.claims) == (1, [([ACCOUNT], False)])
    assert (database.looks, database.claims) == (0, [])


async def test_database_is_asked_while_redis_is_away(runtime: IdentityResources) -> None:
    database, redis = FakeStore([7.0]), FakeStore(is_away=True)
    throttle = throttle_of(runtime, database, redis)
    with pytest.raises(TooManyAttemptsError):
        await throttle.check([ACCOUNT])
    with pytest.raises(TooManyAttemptsError):
        await throttle.claim([ACCOUNT])
    assert (database.looks, len(database.claims)) == (1, 1)


async def test_what_must_not_be_forgotten_is_never_counted_in_redis(runtime: IdentityResources) -> None:
    database, redis = FakeStore(), FakeStore()
    await throttle_of(runtime, database, redis).claim([SOURCE, CODES])
    assert (len(database.claims), len(redis.claims)) == (1, 0)


@pytest.mark.parametrize(
    ("waits", "header"), [([0.2, 0.0], "1"), ([0.0, 12.01], "13"), ([3.0, 899.0], "899")]
)
async def test_refusal_says_the_longest_wait_in_whole_seconds(
    runtime: IdentityResources, waits: list[float], header: str
) -> None:
    with pytest.raises(TooManyAttemptsError) as refused:
        await throttle_of(runtime, FakeStore(waits)).claim([ACCOUNT, SOURCE])
    assert refused.value.headers == {"Retry-After": header}


async def test_limits_that_counted_and_refused_are_metrics(runtime: IdentityResources) -> None:
    database = FakeStore()
    throttle = throttle_of(runtime, database)
    await throttle.claim([ACCOUNT, SOURCE])
    await throttle.claim([ACCOUNT, SOURCE], counts=False)
    database.answer = [0.0, 5.0]
    with pytest.raises(TooManyAttemptsError):
        await throttle.claim([ACCOUNT, SOURCE])
    assert [sample(runtime, "hits", limit) for limit in ("login-account", "login-source")] == [1, 1]
    assert [sample(runtime, "rejections", limit) for limit in ("login-account", "login-source")] == [0, 1]
