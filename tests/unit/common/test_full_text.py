import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_common.full_text import LONGEST_WORD, MOST_WORDS, NoWordToFindError, words_of


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("printer", ("printer",)),
        ("Printer PRINTER printer", ("printer",)),
        ("Straße", ("strasse",)),
        ("the fire, in 3 rooms", ("the", "fire", "rooms")),
        ('"a+b" -crash* ~(foo_bar)', ("crash", "foo_bar")),
        ("ﬁre", ("fire",)),
        ("x" * LONGEST_WORD, ("x" * LONGEST_WORD,)),
    ],
)
def test_words_are_what_is_left_of_a_query(query: str, words: tuple[str, ...]) -> None:
    assert words_of(query) == words


@pytest.mark.parametrize("query", ["", "a", "to be", "+-*", "x" * (LONGEST_WORD + 1), "\u0000"])
def test_a_query_without_a_word_is_refused(query: str) -> None:
    with pytest.raises(NoWordToFindError) as refused:
        words_of(query)
    assert [one.pointer for one in refused.value.errors or ()] == ["query:q"]


def test_words_are_bounded() -> None:
    assert len(words_of(" ".join(f"word{number}" for number in range(50)))) == MOST_WORDS


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100))
def test_nothing_that_a_database_takes_for_an_operator_is_left(query: str) -> None:
    try:
        words = words_of(query)
    except NoWordToFindError:
        return
    assert all(re.fullmatch(r"\w{3,84}", word) for word in words)
