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
        ("the fire, in 3 rooms", ("the", "fire", "3", "rooms")),
        ('"a+b" -crash* ~(foo_bar)', ("a+", "crash", "foo_bar")),
        ("ﬁre", ("fire",)),
        ("Łódź điện Ørsted ısı Ærø", ("lodz", "dien", "orsted", "isi", "aero")),
        ("Émile ΆΓΙΑ Ǆunja", ("emile", "αγια", "dzunja")),
        ("\u1e9eaß İstanbul", ("ssass", "istanbul")),
        ("안녕하세요", ("안녕하세요",)),
        ("x" * MAX_WORD_LENGTH, ("x" * MAX_WORD_LENGTH,)),
        ("x" * (MAX_WORD_LENGTH + 1), ("x" * MAX_WORD_LENGTH,)),
        ("a", ("a",)),
        ("to be", ("to", "be")),
        ("it's", ("it", "s")),
        ("it's raining", ("raining",)),
        ("a 5G modem", ("5g", "modem")),
        ("C++, c#, R&D", ("c++", "c#", "r&d")),
        ("salt&pepper", ("salt", "pepper")),
        ("昨天", ("昨天",)),
        ("王經理", ("王經", "經理")),
        ("壊", ("壊",)),
        ("iPhone壊れた", ("iphone", "壊れ", "れた")),
        ("VPN接続", ("vpn", "接続")),
        ("バス ﾊﾟｽ", ("バス", "パス")),
        ("壊+安&心&d", ("壊", "安", "心")),
        ("ร\u200bถ­ไฟ", ("รถ", "ถไ", "ไฟ")),
    ],
)
def test_words_of_a_query(query: str, words: tuple[str, ...]) -> None:
    assert words_of(query) == words


@pytest.mark.parametrize("query", ["", " ", "+-*", "&", "++", "🙂", "\u0301", "\u0000"])
def test_a_query_without_a_letter_or_digit_has_no_words(query: str) -> None:
    assert words_of(query) == ()


def test_a_run_without_spaces_is_indexed_by_pairs_and_its_last_character() -> None:
    assert indexed_words(["iPhone壊れた"]) == sorted(["iphone", "壊れ", "れた", "た"])
    assert indexed_words(["電"]) == ["電"]


def test_words_are_bounded() -> None:
    assert len(words_of(" ".join(f"word{number}" for number in range(50)))) == MAX_WORDS


@given(st.text(characters, max_size=100))
def test_words_contain_no_database_operators(query: str) -> None:
    assert all(re.fullmatch(r"\w{1,84}[+#]{0,2}|\w{1,2}&\w{1,2}", word) for word in words_of(query))


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
    assert indexed_words(["The printer", "is on fire: the PRINTER"]) == ["fire", "is", "on", "printer", "the"]
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
