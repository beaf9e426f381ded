"""Text of users in mails: nothing in it is linked, and it stays in its quotation."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.utils import urlize

from doorward_mail.content.quoting import (
    SUBJECT_LENGTH,
    TEXT_LENGTH,
    defuse,
    one_line,
    quote,
    quoted,
    user_text,
)

SIGNS = ".:@\u2024\ufe52\uff0e\uff61\ufe6b\uff20"
LIKE_LINKS = st.text(alphabet="ab1 .:@/\\[]。．＠\u200b\u200d\u202e\n", max_size=30)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://evil.example/x?y=1#z", "see https[:]//evil[.]example/x?y=1#z"),
        ("www.evil.example", "www[.]evil[.]example"),
        ("www..evil", "www[..]evil"),
        ("ada@evil.example", "ada[@]evil[.]example"),
        ("mailto:ada tel:+4912345 javascript:x", "mailto[:]ada tel[:]+4912345 javascript[:]x"),
        ("10.0.0.1:8080/x", "10[.]0[.]0[.]1:8080/x"),
        (r"\\server\share", r"[\\]server\share"),
        (r"file:\\server", r"file[:][\\]server"),
        ("evil。example evil．example evil｡example", "evil[。]example evil[．]example evil[｡]example"),
        ("ada＠evil", "ada[＠]evil"),
        ("evil\u200b.exam\u00adple", "evil[.]example"),
        ("evil\u200d.example", "evil\u200d[.]example"),
        ("еvil.рф", "еvil[.]рф"),
        ("3.14.example", "3.14[.]example"),
        ("http[://evil] https:]//evil", "http[[:]//evil] https[:]]//evil"),
    ],
)
def test_what_looks_like_a_link_is_put_in_brackets(text: str, shown: str) -> None:
    assert user_text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "The printer is on fire.",
        "Re: it stopped at 12:30, after 10.11",
        "Really?! Well... (no) :-) 50 % & <b>",
        "こんにちは。元気ですか",
        "Ádá Løvelace 👩\u200d💻",
        "/var/log and C:",
        "a.",
        "[.] [:] are brackets",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert user_text(text) == text


@given(LIKE_LINKS | st.text())
def test_user_text_has_no_sign_of_a_link_and_defusing_again_changes_nothing(text: str) -> None:
    shown = user_text(text)
    assert defuse(shown) == shown
    assert "\n" not in shown
    bare = re.sub(rf"\[[{SIGNS}\\\u3002]+\]", " ", shown)
    signs = re.findall(rf"[^\s{SIGNS}][{SIGNS}]+[^\s{SIGNS}]|\\\\\S", bare)
    assert all(re.fullmatch(r"[0-9][.:][0-9]", sign) for sign in signs), shown
    assert urlize(shown, extra_schemes=["ftp:", "file:"]).count("<a ") == 0


def test_one_line_keeps_ordinary_text() -> None:
    assert one_line("  Ádá  \t Løvelace\u00a0👩\u200d💻 \r\n") == "Ádá Løvelace 👩\u200d💻"
    assert one_line("\u202eevil\u2066\u200f") == "evil"
    assert one_line("e\u200bv\u2060i\ufeffl\U000e0041") == "evil"


def test_a_quotation_in_a_subject_cannot_be_ended_and_is_short() -> None:
    assert quoted('Fire” – "renew', 30) == "“Fire' – 'renew”"
    assert quoted("x" * 200) == "“" + "x" * (SUBJECT_LENGTH - 1) + "…”"


@given(LIKE_LINKS | st.text(max_size=300))
def test_each_line_of_a_quotation_is_marked_and_short(text: str) -> None:
    lines = quote(user_text(text)).splitlines()
    assert all(line.startswith("> ") and len(line) <= 72 for line in lines)


def test_a_long_word_is_broken_into_marked_lines() -> None:
    assert quote("x" * 150).splitlines() == ["> " + "x" * 70, "> " + "x" * 70, "> " + "x" * 10]
    assert quote("火" * 50).splitlines() == ["> " + "火" * 35, "> " + "火" * 15]


def test_a_long_text_is_shortened() -> None:
    assert user_text("ab " * 1000) == ("ab " * 1000)[: TEXT_LENGTH - 1].rstrip() + "…"
