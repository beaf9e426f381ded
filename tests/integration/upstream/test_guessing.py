"""Guessing a password of an upstream through us: every way and every spelling counts in the same limits."""

import pytest
import sqlalchemy as sa

from doorward_auth.rate_limiting.limits import LOGIN_UNKNOWN_DEVICES
from doorward_auth.upstream.logins.attempts import _limit_name
from doorward_identity.tables import rate_limits, upstream_identities, users
from doorward_kit.column_types import utc_now
from doorward_kit.rate_limiting.limits import LimitKey
from integration.harness.problems import assert_problem
from integration.upstream.installation import UpstreamSetup

pytestmark = pytest.mark.databases("sqlite")

VICTIM = "victim@example.com"
REGISTER, LOGIN = "/api/register", "/api/login"


@pytest.fixture
def setup(running_setup: UpstreamSetup) -> UpstreamSetup:
    running_setup.api.wipe()
    running_setup.example.will("ok")
    running_setup.register(VICTIM)
    return running_setup


def limit_of(email: str) -> sa.ColumnElement[bool]:
    return rate_limits.c.key_hash == LimitKey.of(LOGIN_UNKNOWN_DEVICES, _limit_name("theapi", email)).hash


def block(setup: UpstreamSetup, email: str = VICTIM) -> None:
    """Guess, and be blocked for longer than a test takes."""
    assert setup.log_in(email, "a guess").status_code == 401
    with setup.api.transaction() as connection:
        blocked = rate_limits.update().where(limit_of(email)).values(blocked_until=utc_now(900))
        assert connection.execute(blocked).rowcount == 1


def test_a_repeated_registration_is_no_way_around_the_limit(setup: UpstreamSetup) -> None:
    """Its password is not a part of the key's fingerprint, so each repetition is a guess."""
    email = fresh_email(setup)
    assert setup.register(email, key="one").status_code == 201
    for count in range(3):
        answer = setup.register(email, key="one", password=f"guess {count}")
        assert_problem(answer, 401, "invalid_credentials")
    assert setup.api.execute(sa.select(rate_limits.c.count).where(limit_of(email))) == [(3,)]
    block(setup, email)
    assert_problem(setup.register(email, key="one"), 429, "too_many_attempts")


def test_a_lost_registration_is_no_way_around_the_limit(setup: UpstreamSetup) -> None:
    email = fresh_email(setup)
    block(setup, email)
    setup.example.will("html500", times=1, path=REGISTER, after=True)
    assert setup.register(email, key="one").status_code == 502
    before = setup.example.requests()[LOGIN]
    for _ in range(2):  # and the key is not held by the rejected request
        assert_problem(setup.register(email, key="one"), 429, "too_many_attempts")
    assert setup.example.requests()[LOGIN] == before


@pytest.mark.parametrize("mode", ["throttled", "html500", "half"])
def test_a_failed_login_of_a_repeated_registration_leaves_the_result_unknown(
    setup: UpstreamSetup, mode: str
) -> None:
    """The failure does not mean that the upstream lacks the account: the next request logs in first, too."""
    email = fresh_email(setup)
    setup.example.will("html500", times=1, path=REGISTER, after=True)
    assert setup.register(email, key="one").status_code == 502
    setup.example.will(mode, times=1, path=LOGIN)
    assert setup.register(email, key="one").status_code in {502, 503, 504}
    before = setup.example.requests()[REGISTER]
    assert setup.register(email, key="one").status_code == 201
    assert setup.example.requests()[REGISTER] == before


@pytest.mark.parametrize(
    "spelling",
    [
        "VICTIM@example.com",
        f" {VICTIM}",
        f"{VICTIM}  ",
        f"{VICTIM}\t",
        "\uff56ictim@example.com",
        "vic\u200btim@example.com",
        "v\u00edctim@example.com",
        "vi\u0301ctim@example.com",
    ],
)
def test_another_spelling_has_no_guesses_of_its_own(setup: UpstreamSetup, spelling: str) -> None:
    """MariaDB compares most of them as equal, so an upstream's database may, too."""
    block(setup)
    assert_problem(setup.log_in(spelling, "a guess"), 429, "too_many_attempts")


def test_other_accounts_have_limits_of_their_own() -> None:
    names = ["ada@example.com", "a.da@example.com", "ada2@example.com", "ada@example.org", "🙂", "🙃", "阿"]
    assert len({_limit_name("theapi", name) for name in names}) == len(names)
    assert _limit_name("a", "ada") != _limit_name("b", "ada")


def test_a_device_is_known_with_the_name_that_has_logged_in_alone(setup: UpstreamSetup) -> None:
    """What an upstream says about its user is the user's choice: a name, and an unverified address."""
    attacker = fresh_email(setup)
    device = setup.register(attacker).json()["device_token"]
    mine = upstream_identities.c.username == attacker
    with setup.api.transaction() as connection:
        connection.execute(upstream_identities.update().where(mine).values(username=VICTIM))
        connection.execute(users.update().where(users.c.email == attacker).values(email=VICTIM))
    block(setup)
    assert_problem(setup.log_in(VICTIM, "a guess", device_token=device), 429, "too_many_attempts")
    assert setup.log_in(attacker, device_token=device).status_code == 200


@pytest.mark.parametrize("way", ["register", "log_in"])
def test_a_device_of_either_way_is_known(setup: UpstreamSetup, way: str) -> None:
    email = fresh_email(setup)
    registered = setup.register(email).json()
    device = (registered if way == "register" else setup.log_in(email).json())["device_token"]
    block(setup, email)
    again = setup.log_in(email, device_token=device)
    assert again.status_code == 200
    assert "device_token" not in again.json(), "it stays the same"
    assert_problem(setup.log_in(email), 429, "too_many_attempts")


def fresh_email(setup: UpstreamSetup) -> str:
    return f"eve{sum(setup.example.requests().values())}@example.com"
