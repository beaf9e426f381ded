import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_kit.word_index import (
    MAX_INDEXED_WORDS,
    MAX_LINE_BYTES,
    MAX_WORD_LENGTH,
    MAX_WORDS,
    NoSearchWordError,
    indexed_words,
    line_of,
    words_of,
    words_of_line,
)

characters = st.characters(exclude_categories=["Cs"])


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("printer", ("printer",)),
        ("Printer PRINTER printer", ("printer",)),
        ("Straße", ("strasse",)),
        ("the fire, in 3 rooms", ("the", "fire", "rooms")),
        ('"a+b" -crash* ~(foo_bar)', ("crash", "foo_bar")),
        ("ﬁre", ("fire",)),
        ("Émile ΆΓΙΑ Ǆunja", ("emile", "αγια", "dzunja")),
        ("\u1e9eaß İstanbul", ("ssass", "istanbul")),
        ("안녕하세요", ("안녕하세요",)),
        ("x" * MAX_WORD_LENGTH, ("x" * MAX_WORD_LENGTH,)),
    ],
)
def test_words_of_a_query(query: str, words: tuple[str, ...]) -> None:
    assert words_of(query) == words


@pytest.mark.parametrize("query", ["", "a", "to be", "+-*", "x" * (MAX_WORD_LENGTH + 1), "\u0000"])
def test_a_query_without_a_word_is_refused(query: str) -> None:
    with pytest.raises(NoSearchWordError) as refused:
        words_of(query)
    assert [one.pointer for one in refused.value.errors or ()] == ["query:q"]


def test_words_are_bounded() -> None:
    assert len(words_of(" ".join(f"word{number}" for number in range(50)))) == MAX_WORDS


@given(st.text(characters, max_size=100))
def test_words_contain_no_database_operators(query: str) -> None:
    try:
        words = words_of(query)
    except NoSearchWordError:
        return
    assert all(re.fullmatch(r"\w{3,84}", word) for word in words)


@given(st.text(characters, max_size=200))
def test_a_text_is_found_by_its_words_in_any_spelling(text: str) -> None:
    found = indexed_words([text])
    assert found == sorted(set(found))
    for word in found:
        (again,) = words_of(word)
        assert again == word
        for decomposed in (word, unicodedata.normalize("NFD", word)):
            assert words_of(decomposed) == (word,)


def test_each_word_of_all_texts_is_indexed_once() -> None:
    assert indexed_words(["The printer", "is on fire: the PRINTER"]) == ["fire", "printer", "the"]
    assert line_of(["fire", "printer"]) == " fire printer"
    assert line_of([]) == ""


@pytest.mark.parametrize(
    "text",
    [
        " ".join(f"{number:03x}" for number in range(2_500)),
        " ".join(f"{number:03x}" + "x" * 81 for number in range(117)),
        " ".join(f"{number:03x}" + "\U00010428" * 81 for number in range(117)),
        "".join(f"\ufdfa{chr(0x4E00 + number)}x" for number in range(3_333)),
    ],
    ids=["many short words", "long words", "words of four bytes a letter", "letters that decompose"],
)
def test_the_index_of_a_text_is_limited_in_words_and_bytes(text: str) -> None:
    words = indexed_words([text])
    assert 20 < len(words) <= MAX_INDEXED_WORDS
    assert len(line_of(words).encode("utf-8")) <= MAX_LINE_BYTES


def test_a_longer_text_is_found_by_its_first_words() -> None:
    body = " ".join(f"word{number:03}" for number in reversed(range(MAX_INDEXED_WORDS + 100)))
    words = indexed_words(["The subject", body])
    assert {"the", "subject", "word355", "word102"} < set(words)
    assert "word101" not in words
    assert words == sorted(words)


def test_a_line_can_be_read_back() -> None:
    assert words_of_line(line_of(["fire", "printer"])) == ["fire", "printer"]
    assert words_of_line(line_of([])) == []
