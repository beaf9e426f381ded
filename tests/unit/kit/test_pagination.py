import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_kit.pagination import CursorCodec, InvalidCursorError, Position

QUERY = (None, "admin", None, "name")
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(text, st.uuids())
def test_reads_back_what_it_wrote(value: str, identifier: object) -> None:
    codec = CursorCodec(lambda: [b"k" * 32])
    position = Position(value, str(identifier))
    assert codec.decode(codec.encode(position, query=QUERY), query=QUERY) == position


@pytest.mark.parametrize(
    "other", [(None, "user", None, "name"), (None, "admin", None, "-name"), ("a", "admin", None, "name"), ()]
)
def test_rejects_the_cursor_of_another_query(other: tuple[object, ...]) -> None:
    codec = CursorCodec(lambda: [b"k" * 32])
    cursor = codec.encode(Position("v", "1"), query=QUERY)
    with pytest.raises(InvalidCursorError):
        codec.decode(cursor, query=other)


def test_rejects_the_cursor_of_another_key() -> None:
    cursor = CursorCodec(lambda: [b"k" * 32]).encode(Position("v", "1"), query=QUERY)
    with pytest.raises(InvalidCursorError):
        CursorCodec(lambda: [b"j" * 32]).decode(cursor, query=QUERY)


@pytest.mark.parametrize("cursor", ["", "a", "AAAA", "!!!!", "é" * 10, "A" * 1024, "AAAA====", "\ud800"])
def test_rejects_text_that_is_not_a_cursor(cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        CursorCodec(lambda: [b"k" * 32]).decode(cursor, query=QUERY)


def test_rejects_every_altered_character() -> None:
    codec = CursorCodec(lambda: [b"k" * 32])
    cursor = codec.encode(Position("Ada", "0" * 32), query=QUERY)
    for index in range(len(cursor)):
        altered = cursor[:index] + ("A" if cursor[index] != "A" else "B") + cursor[index + 1 :]
        with pytest.raises(InvalidCursorError):
            codec.decode(altered, query=QUERY)


def test_a_truncated_page_continues_where_it_ended() -> None:
    codec = CursorCodec(lambda: [b"k" * 32])

    def position_of(row: str) -> Position:
        return Position(row, "1")

    stopped = Position("z", "9")
    for found, behind in (("abc", Position("b", "1")), ("ab", stopped), ("", stopped)):
        page, cursor = codec.page(list(found), 2, position_of, query=QUERY, stopped_at=stopped)
        assert cursor is not None
        assert list(page) == list(found[:2])
        assert codec.decode(cursor, query=QUERY) == behind
    assert codec.page(["a", "b"], 2, position_of, query=QUERY) == (["a", "b"], None)
