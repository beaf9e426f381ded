"""The directory finds people by words of their names, in every script, and by their addresses."""

import uuid
from typing import Any, Final

import pytest

from doorward_identity.accounts import NewAccount, create_account
from integration.harness.installation import USERS, Installation
from integration.harness.people import People

# A name, an address, and searches that find this user alone.
USERS_STORED: Final = (
    ("José María García", "jm.garcia@hotel.example.org", ["jose", "GARCIA", "maría josé", "gar  jos"]),
    ("Łukasz Żółć", "lz@lodz.org", ["lukasz", "ŁUK", "zolc", "luk żół"]),
    ("Søren Kierkegård", "soren+dk@lodz.org", ["soren", "kierkegard", "dk@lodz", "søren kier"]),
    ("Nguyễn Thị Minh", "minh@lodz.org", ["nguyen", "thi", "minh nguyễn"]),
    ("Фёдор Достоевский", "fd@lodz.org", ["федор", "ДОСТ", "дост фёд"]),
    ("Γιώργος Παπάς", "gp@lodz.org", ["γιωργος", "ΠΑΠΑΣ"]),
    ("Արամ Խաչատրյան", "ak@lodz.org", ["արամ", "ԽԱՉ"]),
    ("შოთა რუსთაველი", "sr@lodz.org", ["შოთა", "რუს"]),
    ("דָּוִד בן־גוריון", "dbg@lodz.org", ["דוד", "גוריון", "בן"]),
    ("محمّد الفارسي", "mf@lodz.org", ["محمد", "الفار"]),
    ("प्रेमचंद शर्मा", "ps@lodz.org", ["प्रेम", "शर्मा"]),
    ("இளையராஜா", "ir@lodz.org", ["இளைய"]),
    ("김철수", "kcs@lodz.org", ["김", "김철", "김철수"]),
    ("王小明", "wxm@lodz.org", ["王", "小明", "明", "王小明"]),
    ("山田 太郎", "yt@lodz.org", ["山田", "田", "太郎 山田"]),
    ("サトウ ハナコ", "sh@lodz.org", ["サトウ", "ﾊﾅｺ"]),
    ("สมชาย ใจดี", "sj@lodz.org", ["สมชาย", "ชาย", "ใจดี"]),
    ("李 Li Na", "ln@lodz.org", ["李", "na li", "li na", "李 na"]),
    ("Wu O", "wo@lodz.org", ["wu", "o wu", "wo@"]),
    ("O'Brien-Smith, Dr. Kim", "kim@xn--mller-kva.org", ["o'brien", "smith", "dr. kim", "smi bri"]),
    ("Ann Miller", "ann@mail.miller.org", ["@mail.miller", "mail.mil", "ann@mail", "Ann  Miller"]),
    ("x" * 120 + " Long", "l" * 64 + "@lodz.org", ["x" * 100, "x" * 84, "l" * 60, "long xxx"]),
    ("100% _sure_", "percent@lodz.org", ["100%", "_sure", "100% _sure_"]),
    ("🙂", "smile@lodz.org", ["🙂"]),
    ("Max Müller", "max@müller.org", ["@müller.o", "max@müller.org", "max@xn--mller"]),
)


@pytest.fixture
def stored(installation: Installation, people: People) -> list[str]:  # noqa: ARG001 - created first
    ids = [uuid.UUID(int=number + 1) for number in range(len(USERS_STORED))]
    with installation.transaction() as connection:
        for user_id, (name, email, _) in zip(ids, USERS_STORED, strict=True):
            create_account(connection, NewAccount(id=user_id, email=email, name=name, is_verified=True))
    return [str(user_id) for user_id in ids]


def find(installation: Installation, token: str, q: str, **params: Any) -> list[str]:
    response = installation.call("GET", USERS, token, params={"q": q, "limit": 200, **params})
    assert response.status_code == 200, (q, response.text)
    return [item["id"] for item in response.json()["items"]]


def test_each_person_is_found_by_the_start_of_every_word(
    installation: Installation, people: People, stored: list[str]
) -> None:
    for user_id, (name, _, searches) in zip(stored, USERS_STORED, strict=True):
        for q in searches:
            assert find(installation, people.admin.access, q) == [user_id], (name, q)


def test_a_domain_finds_all_of_its_people(
    installation: Installation, people: People, stored: list[str]
) -> None:
    of_domain = [
        user_id for user_id, (_, email, _) in zip(stored, USERS_STORED, strict=True) if "@lodz" in email
    ]
    for q in ("@lodz.org", "lodz.or", "LODZ", "łódź"):
        assert set(find(installation, people.admin.access, q)) == set(of_domain), q
    assert find(installation, people.admin.access, "@org") == []
    assert find(installation, people.admin.access, "org") == []  # the last label says nothing


@pytest.mark.parametrize("q", ["%", "%%", "q%z", "\\", "/", "'", '" OR 1=1 --', "\u0000", "@@", "💥", " "])
@pytest.mark.usefixtures("stored")
def test_odd_searches_find_no_user(installation: Installation, people: People, q: str) -> None:
    assert find(installation, people.admin.access, q) == []


def test_every_word_must_match(installation: Installation, people: People, stored: list[str]) -> None:
    assert find(installation, people.admin.access, "jose lukasz") == []
    assert find(installation, people.admin.access, "jose @hotel") == [stored[0]]
    assert find(installation, people.admin.access, "jose @lodz") == []


@pytest.mark.usefixtures("stored")
def test_who_sees_no_addresses_finds_by_names_alone(installation: Installation, people: People) -> None:
    for q in ("lodz", "@lodz.org", "jm.garcia@", "minh@lodz", "minh@", "@minh", "jose @hotel"):
        assert find(installation, people.user.access, q) == [], q
    assert len(find(installation, people.user.access, "minh")) == 1


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "name", "-name"])
def test_filters_and_orders_hold_in_a_search(
    installation: Installation, people: People, stored: list[str], sort: str
) -> None:
    all_users = find_all(installation, people.user.access, sort=sort)
    found = find(installation, people.user.access, "m", sort=sort, role="user", status="active")
    assert set(found) == {stored[0], stored[3], stored[20], stored[24]}
    assert found == [user_id for user_id in all_users if user_id in found]
    assert find(installation, people.user.access, "m", role="admin") == []


def find_all(installation: Installation, token: str, **params: Any) -> list[str]:
    items = installation.call("GET", USERS, token, params={"limit": 200, **params}).json()["items"]
    return [item["id"] for item in items]
