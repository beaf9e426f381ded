"""The terms by which the directory finds a user."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_identity.directory_index import MAX_EMAIL_TERMS, email_terms, name_terms, parts_of
from doorward_kit.word_index import MAX_WORD_LENGTH, all_words_of


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("Ada  Lovelace", {"ada", "lovelace"}),
        ("O'Brien-Smith", {"o", "brien", "smith"}),
        ("Łukasz Żółć", {"lukasz", "zolc"}),
        ("王小明", {"王小", "小明", "明"}),
        ("Wu % 🙂", {"wu", "%", "🙂"}),
        ("x" * 200, {"x" * MAX_WORD_LENGTH}),
    ],
)
def test_terms_of_a_name(name: str, terms: set[str]) -> None:
    assert name_terms(name) == terms


@pytest.mark.parametrize(
    ("email", "key", "terms"),
    [
        ("Ada@example.com", "ada@example.com", {"ada@example.com", "@example.com", "example.com"}),
        (
            "ada.b+tag@mail.example.com",
            "ada.b+tag@mail.example.com",
            {
                *("ada.b+tag@mail.example.com", "b+tag@mail.example.com", "tag@mail.example.com"),
                *("@mail.example.com", "mail.example.com", "example.com"),
            },
        ),
        ("root@localhost", "root@localhost", {"root@localhost", "@localhost", "localhost"}),
        (
            "é@müller.de",
            "é@xn--mller-kva.de",
            {
                *("e@muller.de", "@muller.de", "muller.de"),
                *("e@xn--mller-kva.de", "@xn--mller-kva.de", "xn--mller-kva.de", "mller-kva.de", "kva.de"),
            },
        ),
        ("ada@example.com", "oidc:8d6f", set()),  # not verified
        ("", "oidc:8d6f", set()),
    ],
)
def test_terms_of_an_address(email: str, key: str, terms: set[str]) -> None:
    assert email_terms(email, key) == terms


def test_terms_are_bounded() -> None:
    address = ".".join("abcdefghijklmnopqrstuvwxyz") + "@" + ".".join("abcdefghijklmnopqrstuvwxyz")
    assert len(email_terms(address, address)) == MAX_EMAIL_TERMS
    assert {address[:MAX_WORD_LENGTH], "@a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z"} <= email_terms(
        address, address
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100))
def test_a_name_is_found_by_each_of_its_parts(name: str) -> None:
    terms = name_terms(name)
    assert all(0 < len(term) <= MAX_WORD_LENGTH for term in terms)
    for part in parts_of(name):
        for word in all_words_of(part) or [part]:
            assert any(term.startswith(word) for term in terms)
