"""The sealed interaction: it fits one request and one sign-in, which counts for an hour."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from doorward_auth.browser_sessions.tokens import BrowserSessionToken
from doorward_auth.oidc.authorization import interaction
from doorward_auth.oidc.authorization.interaction import CLOCK_SECONDS, SIGN_IN_SECONDS, UserChoice
from doorward_auth.oidc.authorization.query import INTERACTION
from unit.auth.oidc.authorization_requests import query

NOW = 1_800_000_000
SECRETS = [b"s" * 32]
BEFORE = BrowserSessionToken.issue(uuid.uuid4())
RENEWED = BrowserSessionToken.issue(BEFORE.id)
STARTED = datetime.fromtimestamp(NOW, UTC)
LATER = STARTED + timedelta(seconds=5)
YEAR_SECONDS = 31_536_000


def test_it_is_read_as_it_was_sealed() -> None:
    begun = (
        interaction.begin(BEFORE, NOW)
        .with_choice(UserChoice.CONSENT_GIVEN, RENEWED)
        .with_choice(UserChoice.ACCOUNT_CONFIRMED, RENEWED)
    )
    sealed = interaction.seal(begun, query(), SECRETS)
    assert interaction.read(sealed, SECRETS, NOW) == begun
    assert sealed.without(INTERACTION) == query()
    # Sealing again replaces it.
    assert interaction.seal(begun, sealed, SECRETS) == sealed


@pytest.mark.parametrize(
    "changed",
    [{"state": "another"}, {"scope": "openid"}, {"client_id": "other"}, {"prompt": None}, {"max_age": "1"}],
)
def test_it_fits_no_other_request(changed: dict[str, str | None]) -> None:
    original = {"prompt": "login"}
    sealed = interaction.seal(interaction.begin(None, NOW), query(**original), SECRETS)
    text = sealed.get(INTERACTION)
    assert text is not None
    assert interaction.read(query((INTERACTION, text), **original), SECRETS, NOW) is not None
    assert interaction.read(query((INTERACTION, text), **{**original, **changed}), SECRETS, NOW) is None


@pytest.mark.parametrize("position", range(0, 100, 3))
def test_no_character_can_be_changed(position: int) -> None:
    text = interaction.seal(interaction.begin(BEFORE, NOW), query(), SECRETS).get(INTERACTION)
    assert text is not None
    at = position % len(text)
    damaged = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    assert interaction.read(query((INTERACTION, damaged)), SECRETS, NOW) is None


@pytest.mark.parametrize("text", ["", "1", "1.none.none..", "x" * 500, f"{NOW}.none.none.zz.{'A' * 43}"])
def test_a_clients_own_parameter_is_none(text: str) -> None:
    assert interaction.read(query((INTERACTION, text)), SECRETS, NOW) is None


def test_it_holds_for_good_and_with_a_former_key() -> None:
    sealed = interaction.seal(interaction.begin(None, NOW), query(), SECRETS)
    assert interaction.read(sealed, SECRETS, NOW + YEAR_SECONDS) is not None
    assert interaction.read(sealed, SECRETS, NOW - CLOCK_SECONDS - 1) is None
    assert interaction.read(sealed, [b"n" * 32, *SECRETS], NOW) is not None
    assert interaction.read(sealed, [b"n" * 32], NOW) is None


def test_a_sign_in_is_another_secret_and_a_later_proof() -> None:
    begun = interaction.begin(BEFORE, NOW)
    assert begun.is_followed_by(LATER, RENEWED, LATER)
    assert not begun.is_followed_by(LATER, BEFORE, LATER), "the same session"
    # A URL of a browser without a session, opened where a user was signed in before.
    carried = interaction.begin(None, NOW)
    assert carried.is_followed_by(LATER, BEFORE, LATER)
    long_ago = STARTED - timedelta(seconds=CLOCK_SECONDS + 1)
    assert not carried.is_followed_by(long_ago, BEFORE, LATER)
    assert carried.is_followed_by(long_ago + timedelta(seconds=1), BEFORE, LATER), "clocks differ"


@pytest.mark.parametrize("open_seconds", [0, 3_700, YEAR_SECONDS])
def test_a_page_may_be_open_for_long_and_its_sign_in_counts_for_an_hour(open_seconds: int) -> None:
    begun = interaction.begin(BEFORE, NOW)
    proven = STARTED + timedelta(seconds=open_seconds)
    assert begun.is_followed_by(proven, RENEWED, proven + timedelta(seconds=SIGN_IN_SECONDS))
    assert not begun.is_followed_by(proven, RENEWED, proven + timedelta(seconds=SIGN_IN_SECONDS + 1))


def test_acts_count_in_the_session_that_did_them() -> None:
    begun = (
        interaction.begin(None, NOW)
        .with_choice(UserChoice.ACCOUNT_CONFIRMED, BEFORE)
        .with_choice(UserChoice.CONSENT_GIVEN, BEFORE)
    )
    assert begun.choices_of(BEFORE) == {UserChoice.ACCOUNT_CONFIRMED, UserChoice.CONSENT_GIVEN}
    assert begun.choices_of(RENEWED) == begun.choices_of(None) == frozenset()
    assert begun.with_choice(UserChoice.CONSENT_DENIED, RENEWED).choices_of(RENEWED) == {
        UserChoice.CONSENT_DENIED
    }
    assert interaction.begin(BEFORE, NOW).with_choice(UserChoice.CONSENT_DENIED, None).choices_of(None) == {
        UserChoice.CONSENT_DENIED
    }


def test_it_reveals_no_secret() -> None:
    text = interaction.begin(BEFORE, NOW).initial_fingerprint
    assert text not in str(BEFORE)
    assert interaction.fingerprint(BEFORE) == text != interaction.fingerprint(RENEWED)
