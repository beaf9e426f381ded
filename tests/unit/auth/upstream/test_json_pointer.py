"""JSON pointers: the examples of RFC 6901, and what is no pointer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_auth.upstream_adapters.json_pointer import MAX_LENGTH, MISSING, JsonPointer

DOCUMENT: dict[str, Any] = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
    "~1": 9,
    "null": None,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", DOCUMENT),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
        ("/~01", 9),
        ("/null", None),
    ],
)
def test_the_examples_of_the_rfc_resolve(text: str, value: object) -> None:
    assert JsonPointer(text).resolve(DOCUMENT) == value


@pytest.mark.parametrize(
    "text", ["/nothing", "/foo/2", "/foo/-", "/foo/01", "/foo/0/0", "/foo/x", "/null/x", "/foo/-1", "/a/b"]
)
def test_what_is_not_there_is_missing_and_not_null(text: str) -> None:
    assert JsonPointer(text).resolve(DOCUMENT) is MISSING


@pytest.mark.parametrize("text", ["foo", "~", "/~", "/~2", "/a~", "#/foo", "/" + "x" * MAX_LENGTH])
def test_other_text_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="is no JSON pointer"):
        JsonPointer(text)


@given(st.lists(st.text(max_size=10), max_size=5))
def test_every_path_of_names_can_be_written(names: list[str]) -> None:
    document: Any = "found"
    for name in reversed(names):
        document = {name: document}
    text = "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)
    assert JsonPointer(text).resolve(document) == "found"
