import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_auth.tokens.token_pair import RefreshToken

SESSION = uuid.uuid4()


def test_reads_back_what_it_wrote() -> None:
    token = RefreshToken.issue(SESSION)
    assert str(token).startswith("dwr_")
    assert RefreshToken.parse(str(token)) == token


def test_tokens_are_unique() -> None:
    assert len({RefreshToken.issue(SESSION).secret for _ in range(100)}) == 100


def test_a_successor_is_the_same_each_time_and_depends_on_the_key() -> None:
    token = RefreshToken.issue(SESSION)
    key, other = b"one", b"other"
    assert token.successor(key) == token.successor(key)
    assert token.successor(key) != token.successor(other)
    assert token.successor(key).session_id == SESSION
    assert len(token.successor(key).secret) == 32


def test_str_and_repr_hide_the_secret() -> None:
    token = RefreshToken.issue(SESSION)
    assert token.secret.hex() not in repr(token)
    assert str(token) not in repr(token)


@given(st.text(max_size=100))
def test_other_text_is_not_a_token(text: str) -> None:
    assert RefreshToken.parse(text) is None


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t + "A", lambda t: t + "=", lambda t: t[4:], lambda t: t + "\n"]
)
def test_altered_text_is_not_a_token(change: object) -> None:
    assert callable(change)
    assert RefreshToken.parse(change(str(RefreshToken.issue(SESSION)))) is None
